// SPDX-License-Identifier: Apache-2.0
//
// http_sd_configs.
#pragma once

#include <string>

#include "narthex/config/http_config.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

struct HttpSdConfig {
  std::string url;  // http or https, with a host.
  model::DurationMs refresh_interval_ms = 60'000;
  HttpConfig http;
};

}  // namespace narthex::config
