// SPDX-License-Identifier: Apache-2.0
//
// nomad_sd_configs.
#pragma once

#include <string>

#include "narthex/config/http_config.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

struct NomadSdConfig {
  std::string server = "http://localhost:4646";
  std::string region = "global", name_space = "default", tag_separator = ",";
  bool allow_stale = true;
  model::DurationMs refresh_interval_ms = 60'000;
  HttpConfig http;
};

}  // namespace narthex::config
