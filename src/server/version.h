// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "narthex/web/status.h"

namespace narthex::server {

/// What --version prints.
std::string VersionText();
/// What the API and the build_info metric say.
web::BuildInfo BuildInformation();

}  // namespace narthex::server
