// SPDX-License-Identifier: Apache-2.0
//
// The configuration file as plain structs, checked and with defaults filled in.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/scrape_config.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

struct GlobalConfig {
  model::DurationMs scrape_interval_ms = 60'000;
  model::DurationMs scrape_timeout_ms = 10'000;
  model::DurationMs evaluation_interval_ms = 60'000;
  model::DurationMs rule_query_offset_ms = 0;
  std::string query_log_file;
  model::Labels external_labels;
};

struct StorageConfig {
  model::DurationMs out_of_order_window_ms = 0;
  model::DurationMs retention_ms = -1;  // -1 = not in the file, the flags decide.
  std::int64_t retention_bytes = -1;
};

/// Immutable once loaded; shared by everything that uses it and swapped whole on reload.
struct Config {
  GlobalConfig global;
  std::vector<std::string> rule_files;  // Globs, relative ones joined with the file's folder.
  std::vector<ScrapeConfig> scrape_configs;
  StorageConfig storage;
  /// The whole configuration with defaults as YAML, secrets masked (/api/v1/status/config).
  std::string yaml;
};

/// Errors: kInvalidArgument or kNotFound with "FILE:LINE: reason" or Prometheus's wording
/// ("parsing YAML file F: …").
Result<std::shared_ptr<const Config>> LoadFile(const std::string& path);

/// The same from text; `path` names it in errors and anchors relative paths.
Result<std::shared_ptr<const Config>> LoadText(std::string_view text, const std::string& path);

}  // namespace narthex::config
