// SPDX-License-Identifier: Apache-2.0
//
// file_sd_configs.
#pragma once

#include <string>
#include <vector>

#include "narthex/model/timestamp.h"

namespace narthex::config {

struct FileSdConfig {
  std::vector<std::string> files;  // Globs.
  model::DurationMs refresh_interval_ms = 300'000;
};

}  // namespace narthex::config
