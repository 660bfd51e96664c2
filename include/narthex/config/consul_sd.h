// SPDX-License-Identifier: Apache-2.0
//
// consul_sd_configs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "narthex/config/http_config.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

struct ConsulSdConfig {
  std::string server = "localhost:8500";  // May begin with a scheme.
  std::string path_prefix, scheme = "http";
  std::string token, datacenter, name_space, partition;
  std::string tag_separator = ",";
  bool allow_stale = true;
  model::DurationMs refresh_interval_ms = 30'000;  // Least time between two answers of a watch.
  std::vector<std::string> services;               // Empty = all.
  std::vector<std::string> tags;                   // A service must have all of them.
  std::vector<std::pair<std::string, std::string>> node_meta;
  std::string filter;         // Of the catalog.
  std::string health_filter;  // Of the instances.
  HttpConfig http;            // username and password are its basic_auth.
};

}  // namespace narthex::config
