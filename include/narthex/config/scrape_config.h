// SPDX-License-Identifier: Apache-2.0
//
// One entry of scrape_configs.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "narthex/config/discovery_config.h"
#include "narthex/config/http_config.h"
#include "narthex/model/labels.h"
#include "narthex/model/relabel.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

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
  bool legacy_names = false;  // metric_name_validation_scheme: legacy.
  std::string escaping_scheme = "allow-utf-8";
  bool extra_scrape_metrics = false;
  bool scrape_native_histograms = false;
  bool always_scrape_classic_histograms = false;
  bool convert_classic_histograms_to_nhcb = false;
  std::uint64_t native_histogram_bucket_limit = 0;
  double native_histogram_min_bucket_factor = 0;
  std::string scrape_failure_log_file;
  HttpConfig http;
  std::vector<TargetGroup> static_configs;
  std::vector<DiscoveryConfig> discovery_configs;  // In Prometheus's order: by mechanism.
  std::vector<model::RelabelConfig> relabel_configs;
  std::vector<model::RelabelConfig> metric_relabel_configs;
  /// The entry as YAML with secrets in clear: equal texts mean that nothing changed. Never shown.
  std::string fingerprint;
  /// The same without what has no influence on the stored series (interval, timeout, sample_limit,
  /// HTTP client): when it stays equal, a reload keeps what is known about the series.
  std::string series_fingerprint;
};

}  // namespace narthex::config
