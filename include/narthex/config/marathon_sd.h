// SPDX-License-Identifier: Apache-2.0
//
// marathon_sd_configs.
#pragma once

#include <string>
#include <vector>

#include "narthex/config/http_config.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

struct MarathonSdConfig {
  std::vector<std::string> servers;         // One is asked, at random.
  std::string auth_token, auth_token_file;  // Of DC/OS: Authorization: token=…
  model::DurationMs refresh_interval_ms = 30'000;
  HttpConfig http;
};

}  // namespace narthex::config
