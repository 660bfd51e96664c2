// SPDX-License-Identifier: Apache-2.0
//
// docker_sd_configs and dockerswarm_sd_configs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "narthex/config/http_config.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

/// What the daemon, or a cloud's API, leaves out of its answer: all with none of the values.
struct SdFilter {
  std::string name;
  std::vector<std::string> values;
};

struct DockerSdConfig {
  std::string host;  // "unix:///var/run/docker.sock", "tcp://…", "http://…", "https://…".
  std::int64_t port = 80;  // Of containers that expose none.
  std::vector<SdFilter> filters;
  std::string host_networking_host = "localhost";
  bool match_first_network = true;
  model::DurationMs refresh_interval_ms = 60'000;
  HttpConfig http;  // Counts with http and https only.
};

struct DockerSwarmSdConfig {
  std::string host;
  std::string role;  // "services", "tasks", "nodes".
  std::int64_t port = 80;
  std::vector<SdFilter> filters;
  model::DurationMs refresh_interval_ms = 60'000;
  HttpConfig http;
};

}  // namespace narthex::config
