// SPDX-License-Identifier: Apache-2.0
//
// scrape_configs, discovery sections and their checks. Source: Prometheus config.ScrapeConfig.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"
#include "src/config/tables.h"

namespace narthex::config {

namespace {

constexpr std::string_view kProtocols[] = {"OpenMetricsText0.0.1", "OpenMetricsText1.0.0",
                                           "PrometheusProto", "PrometheusText0.0.4",
                                           "PrometheusText1.0.0"};
constexpr std::string_view kDefaultProtocols[] = {"PrometheusProto", "OpenMetricsText1.0.0",
                                                  "OpenMetricsText0.0.1", "PrometheusText1.0.0",
                                                  "PrometheusText0.0.4"};

std::string GoList(const Value& list) {
  std::string text = "[";
  for (const Value& item : list.items) {
    if (text.size() > 1) text += ' ';
    text += item.text;
  }
  return text + "]";
}

Status CheckProtocol(std::string_view name) {
  if (std::find(std::begin(kProtocols), std::end(kProtocols), name) != std::end(kProtocols)) {
    return {};
  }
  std::string supported;
  for (const std::string_view p : kProtocols) {
    if (!supported.empty()) supported += ' ';
    supported += p;
  }
  return Fail(Code::kInvalidArgument,
              fmt::format("unknown scrape protocol {}, supported: [{}]", name, supported));
}

std::string LowerCase(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return text;
}

bool IsEscaping(std::string_view name) {
  return name == "allow-utf-8" || name == "underscores" || name == "dots" || name == "values";
}

Status CheckJob(Value& job) {
  if (job["job_name"].text.empty()) return Reject(job, "job_name is empty");
  NX_RETURN_IF_ERROR(CheckDiscovery(job));
  NX_RETURN_IF_ERROR(CheckHttp(job));
  NX_RETURN_IF_ERROR(
      CheckNoNull(job["relabel_configs"], "empty or null target relabeling rule in scrape config"));
  return CheckNoNull(job["metric_relabel_configs"],
                     "empty or null metric relabeling rule in scrape config");
}

const Type& JobType() {
  static const Schema schema{
      "config.ScrapeConfig",
      Concat({{{"job_name", &kStringType, Show::kAlways},
               {"honor_labels", &kBoolType},
               {"honor_timestamps", &kBoolType, Show::kAlways, "true"},
               {"track_timestamps_staleness", &kBoolType, Show::kAlways},
               {"params", &kStringListMapType},
               {"scrape_interval", &kDurationType},
               {"scrape_timeout", &kDurationType},
               {"scrape_protocols", &kStringListType},
               {"fallback_scrape_protocol", &kStringType},
               {"scrape_native_histograms", &kBoolType, Show::kIfSet},
               {"always_scrape_classic_histograms", &kBoolType, Show::kIfSet},
               {"convert_classic_histograms_to_nhcb", &kBoolType, Show::kIfSet},
               {"scrape_failure_log_file", &kStringType},
               {"metrics_path", &kStringType, Show::kUnlessEmpty, "/metrics"},
               {"scheme", &kStringType, Show::kUnlessEmpty, "http"},
               {"enable_compression", &kBoolType, Show::kAlways, "true"},
               {"body_size_limit", &kSizeType},
               {"sample_limit", &kUintType},
               {"target_limit", &kUintType},
               {"label_limit", &kUintType},
               {"label_name_length_limit", &kUintType},
               {"label_value_length_limit", &kUintType},
               {"native_histogram_bucket_limit", &kUintType},
               {"native_histogram_min_bucket_factor", &kFloatType},
               {"keep_dropped_targets", &kUintType},
               {"metric_name_validation_scheme", &kStringType},
               {"metric_name_escaping_scheme", &kStringType},
               {"extra_scrape_metrics", &kBoolType, Show::kIfSet}},
              HttpFields(),
              {{"relabel_configs", &RelabelListType()},
               {"metric_relabel_configs", &RelabelListType()}},
              DiscoveryFields()}),
      CheckJob};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

Status CheckSchemes(Value& job, const Value& global) {
  Value& validation = job["metric_name_validation_scheme"];
  Value& escaping = job["metric_name_escaping_scheme"];
  const bool inherits = validation.text.empty();
  if (inherits) validation.text = global["metric_name_validation_scheme"].text;
  std::string global_escaping = global["metric_name_escaping_scheme"].text;
  if (global_escaping.empty()) {
    global_escaping =
        global["metric_name_validation_scheme"].text == "legacy" ? "underscores" : "allow-utf-8";
  } else if (!IsEscaping(global_escaping)) {
    return Reject(global["metric_name_escaping_scheme"],
                  fmt::format("unknown global name escaping method specified, must be one of "
                              "'allow-utf-8', 'underscores', 'dots', or 'values', got {}",
                              go::Quote(global_escaping)));
  }
  if (escaping.text.empty()) {
    escaping.text = inherits                      ? global_escaping
                    : validation.text == "legacy" ? "underscores"
                                                  : "allow-utf-8";
  }
  if (escaping.text == "allow-utf-8" && validation.text != "utf8") {
    return Reject(job, "utf8 metric names requested but validation scheme is not set to UTF8");
  }
  if (!IsEscaping(escaping.text)) {
    return Reject(escaping,
                  fmt::format("unknown scrape config name escaping method specified, must be one "
                              "of 'allow-utf-8', 'underscores', 'dots', or 'values', got {}",
                              go::Quote(escaping.text)));
  }
  return {};
}

Status FinishProtocols(Value& job, const Value& global) {
  Value& list = job["scrape_protocols"];
  const std::string& name = job["job_name"].text;
  if (!list.set) {
    if (global["scrape_protocols"].set) {
      list.items = global["scrape_protocols"].items;
    } else {
      SetDefaultProtocols(list, job["scrape_native_histograms"].flag());
    }
  }
  if (auto status = CheckProtocols(list); !status) {
    return Reject(list, fmt::format("{} for scrape config with job name {}",
                                    status.error().message(), go::Quote(name)));
  }
  const Value& fallback = job["fallback_scrape_protocol"];
  if (fallback.text.empty()) return {};
  if (auto status = CheckProtocol(fallback.text); !status) {
    return Reject(fallback,
                  fmt::format("invalid fallback_scrape_protocol for scrape config with job name "
                              "{}: {}",
                              go::Quote(name), status.error().message()));
  }
  return {};
}

void Inherit(Value& job, const Value& global) {
  for (const std::string_view name :
       {"body_size_limit", "sample_limit", "target_limit", "label_limit", "label_name_length_limit",
        "label_value_length_limit", "keep_dropped_targets"}) {
    if (job[name].number == 0) job[name].number = global[name].number;
  }
  Value& log = job["scrape_failure_log_file"];
  if (log.text.empty()) log.text = global["scrape_failure_log_file"].text;
  for (const std::string_view name :
       {"scrape_native_histograms", "extra_scrape_metrics", "convert_classic_histograms_to_nhcb",
        "always_scrape_classic_histograms"}) {
    if (job[name].set) continue;
    job[name].set = true;
    job[name].number = global[name].number;
  }
}

}  // namespace

const Type& ScrapeListType() {
  static const Type type{Kind::kList, "[]*config.ScrapeConfig", nullptr, &JobType()};
  return type;
}

void SetDefaultProtocols(Value& list, bool proto_first) {
  for (const std::string_view name : kDefaultProtocols) {
    if (name == "PrometheusProto" && !proto_first) continue;
    list.items.emplace_back(kStringType).text = name;
  }
}

Status CheckProtocols(const Value& list) {
  if (list.items.empty()) return Fail(Code::kInvalidArgument, "scrape_protocols cannot be empty");
  std::vector<std::string> seen;
  for (const Value& item : list.items) {
    std::string lower = LowerCase(item.text);
    if (std::find(seen.begin(), seen.end(), lower) != seen.end()) {
      return Fail(Code::kInvalidArgument,
                  "duplicated protocol in scrape_protocols, got " + GoList(list));
    }
    if (auto status = CheckProtocol(item.text); !status) {
      return Fail(std::move(status).error().Wrap("scrape_protocols"));
    }
    seen.push_back(std::move(lower));
  }
  return {};
}

Status FinishScrapeConfig(Value& job, const Value& global) {
  if (job.null) return Reject(job, "empty or null scrape config section");
  std::int64_t& interval = job["scrape_interval"].number;
  std::int64_t& timeout = job["scrape_timeout"].number;
  if (interval == 0) interval = global["scrape_interval"].number;
  if (timeout > interval) {
    return Reject(job, fmt::format("scrape timeout greater than scrape interval for scrape config "
                                   "with job name {}",
                                   go::Quote(job["job_name"].text)));
  }
  if (timeout == 0) timeout = std::min(global["scrape_timeout"].number, interval);
  Inherit(job, global);
  NX_RETURN_IF_ERROR(FinishProtocols(job, global));
  NX_RETURN_IF_ERROR(CheckSchemes(job, global));
  const bool legacy = job["metric_name_validation_scheme"].text == "legacy";
  NX_RETURN_IF_ERROR(CheckRelabel(job["relabel_configs"], legacy));
  return CheckRelabel(job["metric_relabel_configs"], legacy);
}

}  // namespace narthex::config
