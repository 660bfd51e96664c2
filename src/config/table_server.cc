// SPDX-License-Identifier: Apache-2.0
//
// global, runtime, storage, tracing, otlp and the file as a whole. Source: Prometheus config
// package.
#include <cstdlib>
#include <set>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"
#include "src/config/patterns.h"
#include "src/config/tables.h"

namespace narthex::config {

namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kDefaultTimeoutMs = 10'000;

Status CheckExternalLabels(const Value& labels, bool legacy) {
  for (std::size_t i = 0; i < labels.keys.size(); ++i) {
    const std::string& name = labels.keys[i];
    const bool valid =
        legacy ? model::IsLegacyLabelName(name) : !name.empty() && model::IsValidUtf8(name);
    if (!valid) {
      return Reject(labels, fmt::format("{} is not a valid label name", go::Quote(name)));
    }
    if (!model::IsValidUtf8(labels.items[i].text)) {
      return Reject(labels,
                    fmt::format("{} is not a valid label value", go::Quote(labels.items[i].text)));
    }
  }
  return {};
}

/// Runs only when the section is in the file; then the escaping scheme has no default.
Status CheckGlobal(Value& global) {
  Value& escaping = global["metric_name_escaping_scheme"];
  if (!escaping.set) escaping.text.clear();
  const std::string& scheme = global["metric_name_validation_scheme"].text;
  if (scheme != "utf8" && scheme != "legacy" && !scheme.empty()) {
    return Reject(global["metric_name_validation_scheme"],
                  fmt::format("unrecognized ValidationScheme: {}", go::Quote(scheme)));
  }
  if (scheme.empty()) global["metric_name_validation_scheme"].text = "utf8";
  NX_RETURN_IF_ERROR(CheckExternalLabels(global["external_labels"], scheme == "legacy"));
  std::int64_t& interval = global["scrape_interval"].number;
  Value& timeout = global["scrape_timeout"];
  if (interval == 0) interval = kMinuteMs;
  if (!timeout.set) timeout.number = 0;
  if (timeout.number > interval) {
    return Reject(timeout, "global scrape timeout greater than scrape interval");
  }
  if (timeout.number == 0) timeout.number = std::min(kDefaultTimeoutMs, interval);
  if (global["evaluation_interval"].number == 0) {
    global["evaluation_interval"].number = kMinuteMs;
  }
  global["scrape_native_histograms"].set = true;
  global["extra_scrape_metrics"].set = true;
  if (global["scrape_protocols"].set) {
    if (auto status = CheckProtocols(global["scrape_protocols"]); !status) {
      return Reject(global["scrape_protocols"], status.error().message() + " for global config");
    }
  }
  return {};
}

Status CheckRetention(Value& retention) {
  if (retention["size"].number < 0) {
    return Reject(retention, "'storage.tsdb.retention.size' must be greater than or equal to 0");
  }
  const double percentage = retention["percentage"].real;
  if (!(percentage >= 0 && percentage <= 100)) {
    return Reject(retention,
                  fmt::format("'storage.tsdb.retention.percentage' must be in the range [0, 100], "
                              "got {}",
                              go::FormatFloatG(percentage)));
  }
  return {};
}

Status CheckTsdb(Value& tsdb) {
  const Value& floats = tsdb["chunk_encoding"]["floats"];
  if (!floats.text.empty() && floats.text != "xor" && floats.text != "xor2") {
    return Reject(floats, fmt::format("'storage.tsdb.chunk_encoding.floats' must be 'xor' or "
                                      "'xor2', or the field must be omitted entirely, got {}",
                                      go::Quote(floats.text)));
  }
  tsdb["outofordertimewindow"].number = tsdb["out_of_order_time_window"].number;
  return {};
}

Status CheckTracing(Value& tracing) {
  const std::string& client = tracing["client_type"].text;
  if (client != "http" && client != "grpc") {
    return Reject(
        tracing["client_type"],
        fmt::format("expected tracing client type to be to be http or grpc, but got {}", client));
  }
  NX_RETURN_IF_ERROR(CheckTracingHeaders(tracing["headers"]));
  if (tracing["endpoint"].text.empty()) return Reject(tracing, "tracing endpoint must be set");
  const std::string& compression = tracing["compression"].text;
  if (!compression.empty() && compression != "gzip") {
    return Reject(
        tracing["compression"],
        fmt::format("invalid compression type {} provided, valid options: gzip", compression));
  }
  return {};
}

Status TrimAttributes(Value& list, std::string_view key, std::string_view adjective) {
  std::set<std::string> seen;
  std::string errors;
  for (Value& item : list.items) {
    const std::size_t from = item.text.find_first_not_of(" \t\r\n");
    std::string trimmed;
    if (from != std::string::npos) {
      trimmed = item.text.substr(from, item.text.find_last_not_of(" \t\r\n") - from + 1);
    }
    std::string error;
    if (trimmed.empty()) {
      error = fmt::format("empty {} OTel resource attribute", adjective);
    } else if (!seen.insert(trimmed).second) {
      error =
          fmt::format("duplicated {} OTel resource attribute {}", adjective, go::Quote(trimmed));
    } else {
      item.text = std::move(trimmed);
      continue;
    }
    errors += (errors.empty() ? "" : "\n") + error;
  }
  if (errors.empty()) return {};
  return Reject(list, fmt::format("invalid '{}': {}", key, errors));
}

Status CheckOtlp(Value& otlp) {
  Value& promote = otlp["promote_resource_attributes"];
  Value& ignore = otlp["ignore_resource_attributes"];
  if (otlp["promote_all_resource_attributes"].flag()) {
    if (!promote.items.empty()) {
      return Reject(promote,
                    "'promote_all_resource_attributes' and 'promote_resource_attributes' "
                    "cannot be configured simultaneously");
    }
    return TrimAttributes(ignore, "ignore_resource_attributes", "ignored");
  }
  if (!ignore.items.empty()) {
    return Reject(ignore,
                  "'ignore_resource_attributes' cannot be configured unless "
                  "'promote_all_resource_attributes' is true");
  }
  return TrimAttributes(promote, "promote_resource_attributes", "promoted");
}

Status CheckTranslation(const Value& otlp, bool legacy) {
  const std::string& strategy = otlp["translation_strategy"].text;
  if (strategy.empty() || strategy == "UnderscoreEscapingWithSuffixes" ||
      strategy == "UnderscoreEscapingWithoutSuffixes") {
    return {};
  }
  if (strategy != "NoTranslation" && strategy != "NoUTF8EscapingWithSuffixes") {
    return Reject(otlp,
                  fmt::format("unsupported OTLP translation strategy {}", go::Quote(strategy)));
  }
  if (legacy) {
    return Reject(otlp, fmt::format("OTLP translation strategy {} is not allowed when UTF8 is "
                                    "disabled",
                                    go::Quote(strategy)));
  }
  return {};
}

std::string DefaultGogc() {
  const char* text = std::getenv("GOGC");
  if (text == nullptr) return "75";
  const std::string_view value = text;
  if (value == "off" || value == "OFF") return "-1";
  const bool digits = !value.empty() && value.size() < 10 &&
                      value.find_first_not_of("0123456789") == std::string_view::npos;
  return digits ? std::string(value) : "75";
}

Status CheckNames(const Value& list, std::string_view what) {
  std::set<std::string> names;
  for (const Value& entry : list.items) {
    if (entry.null) {
      return Reject(entry, fmt::format("empty or null remote {} config section", what));
    }
    const std::string& name = entry["name"].text;
    if (!name.empty() && !names.insert(name).second) {
      return Reject(entry, fmt::format("found multiple remote {} configs with job name {}", what,
                                       go::Quote(name)));
    }
  }
  return {};
}

Status CheckPaths(const Value& list, std::string_view what) {
  for (const Value& path : list.items) {
    if (!IsRulePath(path.text)) {
      return Reject(path, fmt::format("invalid {} path {}", what, go::Quote(path.text)));
    }
  }
  return {};
}

Status CheckAlertingRelabel(const Value& alerting, bool legacy) {
  NX_RETURN_IF_ERROR(CheckRelabel(alerting["alert_relabel_configs"], legacy));
  for (const Value& entry : alerting["alertmanagers"].items) {
    if (entry.null) return Reject(entry, "empty or null Alertmanager config section");
    NX_RETURN_IF_ERROR(CheckRelabel(entry["alert_relabel_configs"], legacy));
    NX_RETURN_IF_ERROR(CheckRelabel(entry["relabel_configs"], legacy));
  }
  return {};
}

/// An open but empty section has its defaults back.
void RestoreDefaults(Value& section) {
  if (!section.IsZero()) return;
  Value fresh(section.type());
  fresh.Open();
  section = std::move(fresh);
}

Status CheckConfig(Value& config) {
  RestoreDefaults(config["global"]);
  RestoreDefaults(config["runtime"]);
  config["global"]["scrape_native_histograms"].set = true;
  config["global"]["extra_scrape_metrics"].set = true;
  NX_RETURN_IF_ERROR(CheckPaths(config["rule_files"], "rule file"));
  NX_RETURN_IF_ERROR(CheckPaths(config["scrape_config_files"], "scrape config file"));
  const Value& global = config["global"];
  const bool legacy = global["metric_name_validation_scheme"].text == "legacy";
  std::set<std::string> jobs;
  for (Value& job : config["scrape_configs"].items) {
    NX_RETURN_IF_ERROR(FinishScrapeConfig(job, global));
    if (!jobs.insert(job["job_name"].text).second) {
      return Reject(job, fmt::format("found multiple scrape configs with job name {}",
                                     go::Quote(job["job_name"].text)));
    }
  }
  NX_RETURN_IF_ERROR(CheckAlertingRelabel(config["alerting"], legacy));
  NX_RETURN_IF_ERROR(CheckNames(config["remote_write"], "write"));
  for (const Value& entry : config["remote_write"].items) {
    NX_RETURN_IF_ERROR(CheckRelabel(entry["write_relabel_configs"], legacy));
  }
  NX_RETURN_IF_ERROR(CheckNames(config["remote_read"], "read"));
  return CheckTranslation(config["otlp"], legacy);
}

}  // namespace

const Type& GlobalType() {
  constexpr Show kShow = Show::kUnlessEmpty;
  static const Schema schema{"config.plain",
                             {{"scrape_interval", &kDurationType, kShow, "1m"},
                              {"scrape_timeout", &kDurationType, kShow, "10s"},
                              {"scrape_protocols", &kStringListType},
                              {"evaluation_interval", &kDurationType, kShow, "1m"},
                              {"rule_query_offset", &kDurationType},
                              {"query_log_file", &kStringType},
                              {"scrape_failure_log_file", &kStringType},
                              {"external_labels", &kStringMapType},
                              {"body_size_limit", &kSizeType},
                              {"sample_limit", &kUintType},
                              {"target_limit", &kUintType},
                              {"label_limit", &kUintType},
                              {"label_name_length_limit", &kUintType},
                              {"label_value_length_limit", &kUintType},
                              {"keep_dropped_targets", &kUintType},
                              {"metric_name_validation_scheme", &kStringType, kShow, "utf8"},
                              {"metric_name_escaping_scheme", &kStringType, kShow, "allow-utf-8"},
                              {"scrape_native_histograms", &kBoolType, Show::kIfSet},
                              {"convert_classic_histograms_to_nhcb", &kBoolType},
                              {"always_scrape_classic_histograms", &kBoolType},
                              {"extra_scrape_metrics", &kBoolType, Show::kIfSet}},
                             CheckGlobal};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

const Type& RuntimeType() {
  static const std::string gogc = DefaultGogc();
  static const Schema schema{"config.RuntimeConfig",
                             {{"gogc", &kIntType, Show::kUnlessEmpty, gogc}}};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

const Type& StorageType() {
  static const Schema retention{
      "config.plain",
      {{"time", &kDurationType}, {"size", &kSizeType}, {"percentage", &kFloatType}},
      CheckRetention};
  static const Type retention_type{Kind::kStruct, "", &retention};
  static const Schema encoding{"config.ChunkEncodingConfig", {{"floats", &kStringType}}};
  static const Type encoding_type{Kind::kStruct, "", &encoding};
  static const Schema tsdb{"config.plain",
                           {{"outofordertimewindow", &kInt64Type, Show::kAlways},
                            {"out_of_order_time_window", &kDurationType},
                            {"stale_series_compaction_threshold", &kFloatType},
                            {"chunk_encoding", &encoding_type},
                            {"retention", &retention_type, Show::kIfSet}},
                           CheckTsdb};
  static const Type tsdb_type{Kind::kStruct, "", &tsdb};
  static const Schema exemplars{"config.ExemplarsConfig", {{"max_exemplars", &kInt64Type}}};
  static const Type exemplars_type{Kind::kStruct, "", &exemplars};
  static const Schema storage{
      "config.StorageConfig",
      {{"tsdb", &tsdb_type, Show::kIfSet}, {"exemplars", &exemplars_type, Show::kIfSet}}};
  static const Type type{Kind::kStruct, "", &storage};
  return type;
}

const Type& TracingType() {
  static const Schema schema{"config.plain",
                             {{"client_type", &kStringType, Show::kUnlessEmpty, "grpc"},
                              {"endpoint", &kStringType},
                              {"sampling_fraction", &kFloatType},
                              {"insecure", &kBoolType},
                              {"tls_config", &TlsType()},
                              {"headers", &kStringMapType},
                              {"compression", &kStringType},
                              {"timeout", &kDurationType}},
                             CheckTracing};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

const Type& OtlpType() {
  constexpr Show kShow = Show::kUnlessEmpty;
  static const Schema schema{
      "config.plain",
      {{"promote_all_resource_attributes", &kBoolType},
       {"promote_resource_attributes", &kStringListType},
       {"ignore_resource_attributes", &kStringListType},
       {"translation_strategy", &kStringType, kShow, "UnderscoreEscapingWithSuffixes"},
       {"keep_identifying_resource_attributes", &kBoolType},
       {"convert_histograms_to_nhcb", &kBoolType},
       {"promote_scope_metadata", &kBoolType},
       {"label_name_underscore_sanitization", &kBoolType, kShow, "true"},
       {"label_name_preserve_multiple_underscores", &kBoolType, kShow, "true"}},
      CheckOtlp};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

const Type& ConfigType() {
  static const Schema schema{"config.plain",
                             {{"global", &GlobalType(), Show::kAlways},
                              {"runtime", &RuntimeType()},
                              {"alerting", &AlertingType()},
                              {"rule_files", &kStringListType},
                              {"scrape_config_files", &kStringListType},
                              {"scrape_configs", &ScrapeListType()},
                              {"storage", &StorageType()},
                              {"tracing", &TracingType(), Show::kIfSet},
                              {"remote_write", &RemoteWriteListType()},
                              {"remote_read", &RemoteReadListType()},
                              {"otlp", &OtlpType()}},
                             CheckConfig};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

const Type& ScrapeConfigFileType() {
  static const Schema schema{"config.ScrapeConfigs", {{"scrape_configs", &ScrapeListType()}}};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

}  // namespace narthex::config
