// SPDX-License-Identifier: Apache-2.0
//
// One entry of scrape_configs.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "narthex/config/http_config.h"
#include "narthex/model/labels.h"
#include "narthex/model/relabel.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

/// Targets with common labels: an entry of static_configs or of a file_sd file.
struct TargetGroup {
  std::vector<model::Labels> targets;  // Each at least {__address__="host:port"}.
  model::Labels labels;
  std::string source;  // Where it came from, unique within its discovery: "0", "FILE:1".
};

struct FileSdConfig {
  std::vector<std::string> files;  // Globs.
  model::DurationMs refresh_interval_ms = 300'000;
};

struct ScrapeConfig {
  std::string job_name;
  model::DurationMs scrape_interval_ms = 60'000;
  model::DurationMs scrape_timeout_ms = 10'000;
  std::string metrics_path = "/metrics";
  std::string scheme = "http";
  std::vector<std::pair<std::string, std::vector<std::string>>> params;  // Sorted by key.
  bool honor_labels = false;
  bool honor_timestamps = true;
  bool track_timestamps_staleness = false;
  bool enable_compression = true;
  std::vector<std::string> scrape_protocols;  // "PrometheusText0.0.4", … in order of preference.
  std::string fallback_scrape_protocol;
  std::uint64_t body_size_limit = 0;  // Bytes; here and below 0 = no limit.
  std::uint64_t sample_limit = 0;
  std::uint64_t target_limit = 0;
  std::uint64_t label_limit = 0;
  std::uint64_t label_name_length_limit = 0;
  std::uint64_t label_value_length_limit = 0;
  std::uint64_t keep_dropped_targets = 0;
  bool extra_scrape_metrics = false;
  HttpConfig http;
  std::vector<TargetGroup> static_configs;
  std::vector<FileSdConfig> file_sd_configs;
  std::vector<model::RelabelConfig> relabel_configs;
  std::vector<model::RelabelConfig> metric_relabel_configs;
};

}  // namespace narthex::config
