// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "narthex/model/sample.h"
#include "promql/testing/compare.h"

namespace narthex::promql {
namespace {

constexpr double kEpsilon = 1e-6;

bool AlmostEqual(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return promql::AlmostEqual(x, y); });
}

void AppendField(std::string& out, std::string_view key, double value) {
  if (value != 0) out += fmt::format(" {}:{}", key, go::FormatFloatG(value));
}

void AppendList(std::string& out, std::string_view key, const std::vector<double>& values) {
  if (values.empty()) return;
  out += fmt::format(" {}:[", key);
  std::string_view separator;
  for (const double v : values) {
    out.append(separator).append(go::FormatFloatG(v));
    separator = " ";
  }
  out += ']';
}

// One side with its gaps filled with zeros.
void AppendBuckets(std::string& out, std::string_view prefix, const std::vector<model::Span>& spans,
                   const std::vector<double>& counts) {
  if (spans.empty()) return;
  std::vector<double> dense;
  std::size_t next = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (i > 0) dense.resize(dense.size() + static_cast<std::size_t>(std::max(0, spans[i].offset)));
    for (std::uint32_t k = 0; k < spans[i].length && next < counts.size(); ++k) {
      dense.push_back(counts[next++]);
    }
  }
  if (spans[0].offset != 0) out += fmt::format(" {}offset:{}", prefix, spans[0].offset);
  AppendList(out, fmt::format("{}buckets", prefix), dense);
}

}  // namespace

bool AlmostEqual(double a, double b) {
  if (model::IsStale(a) || model::IsStale(b)) return model::IsStale(a) && model::IsStale(b);
  if ((std::isnan(a) && std::isnan(b)) || a == b) return true;
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  if (a == 0 || b == 0 || sum < kMinNormal) return difference < kEpsilon * kMinNormal;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kEpsilon;
}

bool AlmostEqual(model::FloatHistogram a, model::FloatHistogram b, bool compare_hint) {
  model::Compact(a);
  model::Compact(b);
  return a.schema == b.schema && AlmostEqual(a.count, b.count) && AlmostEqual(a.sum, b.sum) &&
         a.custom_values == b.custom_values && a.zero_threshold == b.zero_threshold &&
         AlmostEqual(a.zero_count, b.zero_count) && a.negative_spans == b.negative_spans &&
         a.positive_spans == b.positive_spans &&
         AlmostEqual(a.negative_buckets, b.negative_buckets) &&
         AlmostEqual(a.positive_buckets, b.positive_buckets) &&
         (!compare_hint || a.counter_reset_hint == b.counter_reset_hint);
}

std::string ToScript(const model::FloatHistogram& h) {
  constexpr std::string_view kHints[] = {"", "reset", "not_reset", "gauge"};
  std::string out;
  AppendField(out, "schema", h.schema);
  AppendField(out, "count", h.count);
  AppendField(out, "sum", h.sum);
  AppendField(out, "z_bucket", h.zero_count);
  AppendField(out, "z_bucket_w", h.zero_threshold);
  AppendList(out, "custom_values", h.custom_values);
  const auto hint = kHints[static_cast<std::size_t>(h.counter_reset_hint)];
  if (!hint.empty()) out += fmt::format(" counter_reset_hint:{}", hint);
  AppendBuckets(out, "", h.positive_spans, h.positive_buckets);
  AppendBuckets(out, "n_", h.negative_spans, h.negative_buckets);
  return "{{" + (out.empty() ? out : out.substr(1)) + "}}";
}

}  // namespace narthex::promql
