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
#include "narthex/config/alerting_config.h"
#include "narthex/config/remote_config.h"
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
  model::Labels external_labels;  // With environment variables filled in.
  bool legacy_names = false;      // metric_name_validation_scheme: legacy.
};

struct StorageConfig {
  model::DurationMs out_of_order_window_ms = 0;
  double stale_series_compaction_threshold = 0;  // Part of the series; 0 = off.
  model::DurationMs retention_ms = -1;           // -1 = not in the file, the flags decide.
  std::int64_t retention_bytes = -1;
  double retention_percentage = 0;       // Of the disk; 0 = off, else it wins over the bytes.
  std::int64_t max_exemplars = 100'000;  // With the feature exemplar-storage; 0 or less = none.
  std::string float_chunk_encoding;      // "xor", "xor2", or "": what the flags say.
};

/// What the command line says about loading.
struct LoadOptions {
  bool agent_mode = false;
  bool scrape_config_files = true;  // Whether to read them.
  /// Shown as storage.tsdb.retention when the file has none, as Prometheus does.
  model::DurationMs default_retention_ms = 15LL * 24 * 3600 * 1000;
  std::int64_t default_retention_bytes = 0;
  /// Jobs ask for protobuf first unless they or `global` say otherwise: it tells when counters
  /// began.
  bool protobuf_first = false;
};

/// Immutable once loaded; shared by everything that uses it and swapped whole on reload.
struct Config {
  GlobalConfig global;
  std::vector<std::string> rule_files;  // Globs, relative ones joined with the file's folder.
  std::vector<std::string> scrape_config_files;  // As rule_files.
  /// Those of the file, then those of its scrape_config_files.
  std::vector<ScrapeConfig> scrape_configs;
  AlertingConfig alerting;
  std::vector<RemoteWriteConfig> remote_write;
  std::vector<RemoteReadConfig> remote_read;
  OtlpConfig otlp;
  StorageConfig storage;
  /// The whole configuration with defaults as YAML, secrets masked (/api/v1/status/config).
  std::string yaml;
};

/// Errors: kNotFound or kIo when the file can't be read, else kInvalidArgument, in Prometheus's
/// wording with the line: "parsing YAML file F: yaml: unmarshal errors:\n  line 3: …",
/// "parsing YAML file F: job_name is empty (line 7)". Logs a warning, once per process, for each
/// section that is accepted but has no effect.
Result<std::shared_ptr<const Config>> LoadFile(const std::string& path,
                                               const LoadOptions& options = {});

/// The same from text; `path` names it in errors and anchors relative paths.
Result<std::shared_ptr<const Config>> LoadText(std::string_view text, const std::string& path,
                                               const LoadOptions& options = {});

}  // namespace narthex::config
