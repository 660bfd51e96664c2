// SPDX-License-Identifier: Apache-2.0
#include "narthex/proto/metric_family.h"

#include <cmath>

#include <fmt/format.h>

#include "narthex/base/go_format.h"

namespace narthex::proto {
namespace {

constexpr std::size_t kMostDebugBytes = 1024;  // After them nothing is added.

/// How Go's prototext prints a double.
std::string NumberText(double v) {
  if (std::isnan(v)) return "nan";
  if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
  return go::FormatFloatG(v);
}

std::string DistributionText(const Distribution& d, bool histogram) {
  std::string out;
  const auto add = [&](std::string_view part) {
    if (!out.empty()) out += ' ';
    out += part;
  };
  if (d.has_count && !d.is_float) add(fmt::format("sample_count:{}", d.count));
  if (d.has_sum) add("sample_sum:" + NumberText(d.sum));
  for (const auto& q : d.quantiles) {
    if (out.size() > kMostDebugBytes) return out;
    add(fmt::format("quantile:{{quantile:{} value:{}}}", NumberText(q.quantile),
                    NumberText(q.value)));
  }
  for (const auto& b : d.buckets) {
    if (out.size() > kMostDebugBytes) return out;
    add(d.is_float ? fmt::format("bucket:{{upper_bound:{} cumulative_count_float:{}}}",
                                 NumberText(b.upper_bound), NumberText(b.count_float))
                   : fmt::format("bucket:{{cumulative_count:{} upper_bound:{}}}", b.count,
                                 NumberText(b.upper_bound)));
  }
  if (histogram && d.is_float) add("sample_count_float:" + NumberText(d.count_float));
  return out;
}

}  // namespace

std::string QuoteTold(std::string_view text) { return go::Quote(Told(text)); }

std::string_view FamilyTypeName(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return "COUNTER";
    case FamilyType::kGauge:
      return "GAUGE";
    case FamilyType::kSummary:
      return "SUMMARY";
    case FamilyType::kUntyped:
      return "UNTYPED";
    case FamilyType::kHistogram:
      return "HISTOGRAM";
    case FamilyType::kGaugeHistogram:
      return "GAUGE_HISTOGRAM";
  }
  return "UNKNOWN";
}

MetricKind KindOf(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return MetricKind::kCounter;
    case FamilyType::kGauge:
      return MetricKind::kGauge;
    case FamilyType::kSummary:
      return MetricKind::kSummary;
    case FamilyType::kUntyped:
      return MetricKind::kUntyped;
    case FamilyType::kHistogram:
    case FamilyType::kGaugeHistogram:
      return MetricKind::kHistogram;
  }
  return MetricKind::kNone;
}

std::size_t FamilyMetric::HeldBytes() const {
  std::size_t bytes = sizeof(*this) + wire.capacity();
  for (const auto& label : labels) {
    bytes += sizeof(label) + label.first.capacity() + label.second.capacity();
  }
  if (distribution) {
    bytes += sizeof(*distribution) + distribution->quantiles.capacity() * sizeof(ExposedQuantile) +
             distribution->buckets.capacity() * sizeof(FamilyBucket);
  }
  return bytes;
}

std::size_t MetricFamily::HeldBytes() const {
  std::size_t bytes = sizeof(*this) + name.capacity() + unit.capacity();
  if (help) bytes += help->capacity();
  for (const auto& metric : metrics) bytes += metric.HeldBytes();
  return bytes;
}

std::string FamilyMetric::DebugText() const {
  std::string out;
  for (const auto& [label, text] : labels) {
    if (out.size() > kMostDebugBytes) return out;
    out += fmt::format("label:{{name:{} value:{}}} ", QuoteTold(label), QuoteTold(text));
  }
  const auto message = [&](std::string_view name, const std::string& body) {
    out += fmt::format("{}:{{{}}}", name, body);
  };
  switch (kind) {
    case MetricKind::kNone:
      break;
    case MetricKind::kGauge:
      message("gauge", "value:" + NumberText(value));
      break;
    case MetricKind::kCounter:
      message("counter", "value:" + NumberText(value));
      break;
    case MetricKind::kUntyped:
      message("untyped", "value:" + NumberText(value));
      break;
    case MetricKind::kSummary:
      message("summary", DistributionText(*distribution, false));
      break;
    case MetricKind::kHistogram:
      message("histogram", DistributionText(*distribution, true));
      break;
  }
  return out;
}

}  // namespace narthex::proto
