// SPDX-License-Identifier: Apache-2.0
#include "src/cli/rule_test_text.h"

#include <cmath>
#include <map>
#include <string_view>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"

namespace narthex::cli {
namespace {

/// Puts `indent` before all lines but the first.
std::string Indent(const std::string& text, const std::string& indent) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '\n') out += indent;
  }
  return out;
}

std::string ValueText(double value) {
  std::string text = go::FormatFloatE(value);
  if (std::isfinite(value)) text[text.find('e')] = 'E';
  return text;
}

std::string Numbers(const std::vector<double>& numbers) {
  std::string text;
  for (const double number : numbers) text += (text.empty() ? "" : " ") + go::FormatFloatG(number);
  return '[' + text + ']';
}

/// All buckets from the first to the last, with zeros in the gaps. @param[out] first  their index
std::vector<double> Unpack(const std::vector<model::Span>& spans, const std::vector<double>& counts,
                           std::int32_t& first) {
  std::vector<double> all;
  model::BucketCursor cursor(spans, counts);
  while (cursor.Next()) {
    if (all.empty()) first = cursor.index();
    all.resize(static_cast<std::size_t>(cursor.index() - first));
    all.push_back(cursor.count());
  }
  return all;
}

}  // namespace

std::string AlertsText(const std::vector<TestedAlert>& alerts, const std::string& indent) {
  if (alerts.empty()) return "[]";
  std::string text = "[";
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    text += fmt::format("{}\n{}:\n  Labels:{}\n  Annotations:{}", i == 0 ? "" : ",", i,
                        alerts[i].labels.ToString(), alerts[i].annotations.ToString());
  }
  return Indent(text + "\n]", indent);
}

std::string SamplesText(const std::vector<TestedSample>& samples) {
  if (samples.empty()) return "nil";
  std::string text;
  for (const TestedSample& sample : samples) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", sample.labels.ToString(),
                        sample.histogram.empty() ? ValueText(sample.value) : sample.histogram);
  }
  return text;
}

std::string MatrixText(const promql::MatrixSeries& series) {
  std::map<model::TimestampMs, std::string> lines;
  for (const model::Sample& sample : series.floats) lines[sample.t] = go::FormatFloatF(sample.v);
  for (const promql::HistogramPoint& point : series.histograms) {
    lines[point.t] = model::ToString(point.h);
  }
  std::string text = series.metric.ToString() + " =>";
  for (const auto& [t, value] : lines) text += fmt::format("\n{} @[{}]", value, t);
  return text;
}

std::string DescribeHistogram(const model::FloatHistogram& original) {
  model::FloatHistogram h = original;
  model::Compact(h);
  std::string text;
  const auto add = [&text](std::string_view key, const std::string& value) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : " ", key, value);
  };
  const auto add_number = [&add](std::string_view key, double value) {
    if (value != 0) add(key, go::FormatFloatG(value));
  };
  if (h.schema != 0) add("schema", std::to_string(h.schema));
  add_number("count", h.count);
  add_number("sum", h.sum);
  add_number("z_bucket", h.zero_count);
  add_number("z_bucket_w", h.zero_threshold);
  if (model::UsesCustomBuckets(h)) add("custom_values", Numbers(h.custom_values));
  switch (h.counter_reset_hint) {
    case model::CounterResetHint::kReset:
      add("counter_reset_hint", "reset");
      break;
    case model::CounterResetHint::kNotReset:
      add("counter_reset_hint", "not_reset");
      break;
    case model::CounterResetHint::kGauge:
      add("counter_reset_hint", "gauge");
      break;
    case model::CounterResetHint::kUnknown:
      break;
  }
  const auto add_buckets = [&add](std::string_view prefix, const auto& spans, const auto& counts) {
    std::int32_t first = 0;
    const std::vector<double> all = Unpack(spans, counts, first);
    if (all.empty()) return;
    if (first != 0) add(fmt::format("{}offset", prefix), std::to_string(first));
    add(fmt::format("{}buckets", prefix), Numbers(all));
  };
  add_buckets("", h.positive_spans, h.positive_buckets);
  add_buckets("n_", h.negative_spans, h.negative_buckets);
  return "{{" + text + "}}";
}

}  // namespace narthex::cli
