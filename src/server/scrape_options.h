// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "narthex/scrape/scrape_manager.h"

namespace narthex::server {

struct ServerFlags;

/// How the flags, and the mode, want targets to be scraped.
scrape::ScrapeOptions MakeScrapeOptions(const ServerFlags& flags);

}  // namespace narthex::server
