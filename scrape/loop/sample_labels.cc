// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/sample_labels.h"

#include <fmt/core.h>

#include "narthex/base/go_format.h"

namespace narthex::scrape {

namespace {

constexpr std::string_view kExported = "exported_";

bool Exposes(const ParsedLabels& labels, std::string_view name) {
  return std::any_of(labels.pairs.begin(), labels.pairs.end(),
                     [&](const auto& pair) { return pair.first == name; });
}

/// Puts exposed labels that the target's took the place of under "exported_" names.
void MoveConflicting(model::LabelsBuilder& builder,
                     std::vector<std::pair<std::string, std::string>> conflicting) {
  std::stable_sort(conflicting.begin(), conflicting.end(),
                   [](const auto& a, const auto& b) { return a.first.size() < b.first.size(); });
  for (auto& [name, value] : conflicting) {
    do {
      name.insert(0, kExported);
    } while (!builder.Get(name).empty());
    builder.Set(name, value);
  }
}

/// The first 50 characters, as Go's %.50s has them.
std::string_view Short(std::string_view text) {
  std::size_t end = 0;
  for (int runes = 0; runes < 50 && end < text.size(); ++runes) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  }
  return text.substr(0, end);
}

Status CheckLengths(const model::Labels& labels, std::string_view metric,
                    const config::ScrapeConfig& config) {
  for (const auto& [name, value] : labels) {
    if (config.label_name_length_limit > 0 && name.size() > config.label_name_length_limit) {
      return Fail(
          Code::kResourceExhausted,
          fmt::format("label_name_length_limit exceeded (metric: {}, label name: {}, "
                      "length: {}, limit: {})",
                      Short(metric), Short(name), name.size(), config.label_name_length_limit));
    }
    if (config.label_value_length_limit > 0 && value.size() > config.label_value_length_limit) {
      return Fail(Code::kResourceExhausted,
                  fmt::format("label_value_length_limit exceeded (metric: {}, label name: {}, "
                              "value: {}, length: {}, limit: {})",
                              Short(metric), Short(name), go::Quote(Short(value)), value.size(),
                              config.label_value_length_limit));
    }
  }
  return {};
}

bool ValidNames(const model::Labels& labels, bool legacy) {
  for (const auto& [name, value] : labels) {
    if (!model::IsValidUtf8(value)) return false;
    if (name == model::kMetricName) {
      if (legacy && !model::IsLegacyMetricName(value)) return false;
    } else if (legacy ? !model::IsLegacyLabelName(name)
                      : name.empty() || !model::IsValidUtf8(name)) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<model::Labels> MakeSampleLabels(const ParsedLabels& exposed, const model::Labels& target,
                                       const config::ScrapeConfig& config) {
  model::LabelsBuilder builder;
  for (const auto& [name, value] : exposed.pairs) builder.Set(name, value);
  std::vector<std::pair<std::string, std::string>> conflicting;
  for (const auto& [name, value] : target) {
    if (config.honor_labels) {
      // An exposed label that is empty counts as there, and then vanishes.
      if (!Exposes(exposed, name)) builder.Set(name, value);
      continue;
    }
    if (const auto existing = builder.Get(name); !existing.empty()) {
      conflicting.emplace_back(name, existing);
    }
    builder.Set(name, value);
  }
  MoveConflicting(builder, std::move(conflicting));
  NX_ASSIGN_OR_RETURN(const bool kept, model::Relabel(builder, config.metric_relabel_configs));
  return kept ? builder.Build() : model::Labels();
}

model::Labels MakeReportLabels(std::string_view name, const model::Labels& target) {
  model::LabelsBuilder builder(target);
  builder.Set(model::kMetricName, name);
  return builder.Build();
}

Status CheckSampleLabels(const model::Labels& labels, const config::ScrapeConfig& config) {
  const std::string_view metric = labels.Get(model::kMetricName);
  if (metric.empty()) {
    return Fail(Code::kInvalidArgument, "missing metric name (__name__ label)");
  }
  if (!ValidNames(labels, config.legacy_names)) {
    return Fail(Code::kInvalidArgument, "invalid metric name or label names: " + labels.ToString());
  }
  if (config.label_limit > 0 && labels.size() > config.label_limit) {
    return Fail(Code::kResourceExhausted,
                fmt::format("label_limit exceeded (metric: {}, number of labels: {}, limit: {})",
                            Short(metric), labels.size(), config.label_limit));
  }
  if (config.label_name_length_limit == 0 && config.label_value_length_limit == 0) return {};
  return CheckLengths(labels, metric, config);
}

}  // namespace narthex::scrape
