// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "narthex/base/hash.h"
#include "narthex/config/config.h"

namespace narthex::server {

/// Stands for all that a configuration is read from: the text of its file, and the names and texts
/// of the rule files and scrape configuration files that it names. One that can't be read counts as
/// such. Source: Prometheus config/reload.go.
Hash128 DigestConfiguration(std::string_view text, const config::Config& config);

}  // namespace narthex::server
