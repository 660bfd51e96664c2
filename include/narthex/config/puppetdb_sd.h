// SPDX-License-Identifier: Apache-2.0
//
// puppetdb_sd_configs.
#pragma once

#include <cstdint>
#include <string>

#include "narthex/config/http_config.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

struct PuppetdbSdConfig {
  std::string url;    // Root of the server, http or https.
  std::string query;  // In PQL, for resources.
  bool include_parameters = false;
  std::int64_t port = 80;
  model::DurationMs refresh_interval_ms = 60'000;
  HttpConfig http;
};

}  // namespace narthex::config
