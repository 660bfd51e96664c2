// SPDX-License-Identifier: Apache-2.0
//
// eureka_sd_configs.
#pragma once

#include <string>

#include "narthex/config/http_config.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

struct EurekaSdConfig {
  std::string server;  // The URL to which /apps is added.
  model::DurationMs refresh_interval_ms = 30'000;
  HttpConfig http;
};

}  // namespace narthex::config
