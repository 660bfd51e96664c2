// SPDX-License-Identifier: Apache-2.0
#include "scrape/pool/target_labels.h"

#include <map>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/relabel.h"
#include "scrape/loop/histogram_rules.h"

namespace narthex::scrape {

namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kMetricsPath = "__metrics_path__";
constexpr std::string_view kInterval = "__scrape_interval__";
constexpr std::string_view kTimeout = "__scrape_timeout__";
constexpr std::string_view kParam = "__param_";
constexpr std::string_view kMeta = "__meta_";
/// Labels that switch something on or off, and what messages call them.
constexpr std::string_view kFlagWords[] = {"convert classic histograms to nhcb",
                                           "always scrape classic histograms",
                                           "scrape native histograms"};
constexpr std::string_view kFlags[] = {kConvertLabel, kKeepClassicLabel, kNativeLabel};

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_.~").find(c) != std::string_view::npos;
}

/// Percent-encodes all but unreserved characters and those in `kept`.
std::string Escape(std::string_view text, std::string_view kept, bool plus_for_space) {
  std::string out;
  for (const char c : text) {
    if (IsUnreserved(c) || kept.find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ' && plus_for_space) {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string EncodeQuery(const std::map<std::string, std::vector<std::string>>& params) {
  std::string query;
  for (const auto& [name, values] : params) {
    for (const std::string& value : values) {
      if (!query.empty()) query += '&';
      query += Escape(name, "", true) + "=" + Escape(value, "", true);
    }
  }
  return query;
}

/// A duration label that must be positive.
Result<model::DurationMs> Positive(const model::LabelsBuilder& labels, std::string_view label,
                                   std::string_view what) {
  auto duration = model::ParseDuration(labels.Get(label));
  if (!duration) {
    return Fail(std::move(duration).error().Wrap(fmt::format("error parsing scrape {}", what)));
  }
  if (*duration == 0) {
    return Fail(Code::kInvalidArgument, fmt::format("scrape {} cannot be 0", what));
  }
  return *duration;
}

Status CheckFlags(const model::LabelsBuilder& labels) {
  constexpr std::string_view kBools[] = {"1", "t", "T", "true",  "TRUE",  "True",
                                         "0", "f", "F", "false", "FALSE", "False"};
  for (std::size_t i = 0; i < std::size(kFlags); ++i) {
    const std::string_view value = labels.Get(kFlags[i]);
    const bool known = std::find(std::begin(kBools), std::end(kBools), value) != std::end(kBools);
    if (value.empty() || known) continue;
    return Fail(Code::kInvalidArgument,
                fmt::format("error parsing {}: strconv.ParseBool: parsing {}: invalid syntax",
                            kFlagWords[i], go::Quote(value)));
  }
  return {};
}

Status CheckAddress(std::string_view address) {
  if (address.empty()) return Fail(Code::kInvalidArgument, "no address");
  if (address.find('/') != std::string_view::npos) {
    return Fail(Code::kInvalidArgument,
                fmt::format("{} is not a valid hostname", go::Quote(address)));
  }
  return {};
}

/// Takes out __meta_ labels and names the instance after its address when nothing else did.
void Finish(model::LabelsBuilder& labels) {
  std::vector<std::string> meta;
  for (const auto& [name, value] : labels.pairs()) {
    if (name.starts_with(kMeta)) meta.push_back(name);
  }
  for (const std::string& name : meta) labels.Delete(name);
  if (labels.Get(model::kInstanceLabel).empty()) {
    labels.Set(model::kInstanceLabel, std::string(labels.Get(kAddress)));
  }
}

}  // namespace

model::Labels DiscoveredLabels(const model::Labels& target, const config::TargetGroup& group,
                               const config::ScrapeConfig& config) {
  model::LabelsBuilder labels(target);
  for (const auto& [name, value] : group.labels) {
    if (!target.Has(name)) labels.Set(name, value);
  }
  const auto set_default = [&labels](std::string_view name, std::string_view value) {
    if (labels.Get(name).empty()) labels.Set(name, value);
  };
  const auto flag = [](bool on) { return on ? "true" : "false"; };
  set_default(model::kJobLabel, config.job_name);
  set_default(kInterval, model::FormatDuration(config.scrape_interval_ms));
  set_default(kTimeout, model::FormatDuration(config.scrape_timeout_ms));
  set_default(kMetricsPath, config.metrics_path);
  set_default(kScheme, config.scheme);
  set_default(kFlags[0], flag(config.convert_classic_histograms_to_nhcb));
  set_default(kFlags[1], flag(config.always_scrape_classic_histograms));
  set_default(kFlags[2], flag(config.scrape_native_histograms));
  for (const auto& [name, values] : config.params) {
    if (!values.empty()) set_default(std::string(kParam) + name, values[0]);
  }
  return labels.Build();
}

Result<Target::Identity> MakeTarget(const model::Labels& discovered,
                                    const config::ScrapeConfig& config) {
  model::LabelsBuilder labels(discovered);
  NX_ASSIGN_OR_RETURN(const bool kept, model::Relabel(labels, config.relabel_configs));
  if (!kept) return Target::Identity{};
  NX_RETURN_IF_ERROR(CheckAddress(labels.Get(kAddress)));
  Target::Identity identity;
  NX_ASSIGN_OR_RETURN(identity.interval_ms, Positive(labels, kInterval, "interval"));
  NX_ASSIGN_OR_RETURN(identity.timeout_ms, Positive(labels, kTimeout, "timeout"));
  if (identity.timeout_ms > identity.interval_ms) {
    return Fail(Code::kInvalidArgument,
                fmt::format("scrape timeout cannot be greater than scrape interval ({} > {})",
                            go::Quote(labels.Get(kTimeout)), go::Quote(labels.Get(kInterval))));
  }
  NX_RETURN_IF_ERROR(CheckFlags(labels));
  Finish(labels);
  identity.labels = labels.Build();
  for (const auto& [name, value] : identity.labels) {
    if (!model::IsValidUtf8(value)) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("invalid label value for {}: {}", go::Quote(name), go::Quote(value)));
    }
  }
  identity.url = TargetUrl(identity.labels, config);
  return identity;
}

std::string TargetUrl(const model::Labels& labels, const config::ScrapeConfig& config) {
  std::map<std::string, std::vector<std::string>> params;
  for (const auto& [name, values] : config.params) params[name] = values;
  for (const auto& [name, value] : labels) {
    if (!name.starts_with(kParam)) continue;
    auto& values = params[std::string(name.substr(kParam.size()))];
    if (values.empty()) values.emplace_back();
    values[0] = value;
  }
  const std::string path = Escape(labels.Get(kMetricsPath), "/:@!$&'()*+,;=", false);
  const std::string query = EncodeQuery(params);
  const std::string_view scheme = labels.Get(kScheme);
  const std::string host = Escape(labels.Get(kAddress), "!$&'()*+,;=:[]<>\"", false);
  return fmt::format("{}{}//{}{}{}{}{}", scheme, scheme.empty() ? "" : ":", host,
                     path.empty() || path[0] == '/' ? "" : "/", path, query.empty() ? "" : "?",
                     query);
}

}  // namespace narthex::scrape
