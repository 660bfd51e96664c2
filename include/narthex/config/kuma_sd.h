// SPDX-License-Identifier: Apache-2.0
//
// kuma_sd_configs.
#pragma once

#include <string>

#include "narthex/config/http_config.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

struct KumaSdConfig {
  std::string server;     // URL of the monitoring assignment service.
  std::string client_id;  // "" = the host's name.
  model::DurationMs refresh_interval_ms = 15'000;
  model::DurationMs fetch_timeout_ms = 120'000;
  HttpConfig http;
};

}  // namespace narthex::config
