// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus util/convertnhcb.
#include <cmath>
#include <limits>
#include <map>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "promql/testing/load.h"

namespace narthex::promql {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// What is known of one histogram at one time.
struct Classic {
  std::map<double, double> cumulative;  // Count by upper bound.
  std::optional<double> count;
  double sum = 0;
};

// By base labels, then by index of the point.
using ClassicByTime = std::map<std::size_t, Classic>;
using ClassicBySeries = std::map<model::Labels, ClassicByTime>;

Result<model::FloatHistogram> Convert(Classic classic) {
  auto& buckets = classic.cumulative;
  const double highest = buckets.empty() ? 0 : buckets.rbegin()->second;
  const double count = classic.count.value_or(highest);
  if (buckets.empty() || buckets.rbegin()->first != kInf) buckets[kInf] = count;
  model::FloatHistogram h;
  h.schema = model::kCustomBucketsSchema;
  h.count = count;
  h.sum = classic.sum;
  h.positive_spans = {{0, static_cast<std::uint32_t>(buckets.size())}};
  double previous = 0;
  for (const auto& [bound, n] : buckets) {
    if (n < previous) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("count is not cumulative: {} < {}", go::FormatFloatG(n),
                              go::FormatFloatG(previous)));
    }
    h.positive_buckets.push_back(n - previous);
    previous = n;
    if (bound != kInf) h.custom_values.push_back(bound);
  }
  if (previous != count) {
    return Fail(Code::kInvalidArgument,
                fmt::format("count mismatch: count={} != le=+Inf count={}", go::FormatFloatG(count),
                            go::FormatFloatG(previous)));
  }
  model::Compact(h);
  return h;
}

// Reads one series when its name says that it is part of a classic histogram.
void Collect(const ScriptSeries& series, ClassicBySeries& all) {
  const std::string_view name = series.labels.Get(model::kMetricName);
  std::string_view suffix;
  for (const std::string_view s : {"_bucket", "_count", "_sum"}) {
    if (name.ends_with(s)) suffix = s;
  }
  if (suffix.empty()) return;
  double bound = 0;
  if (suffix == "_bucket") {
    const auto le = go::ParseFloat(series.labels.Get(model::kBucketLabel));
    if (!le || std::isnan(*le)) return;
    bound = *le;
  }
  model::LabelsBuilder base(series.labels);
  base.Set(model::kMetricName, name.substr(0, name.size() - suffix.size()));
  base.Delete(model::kBucketLabel);
  ClassicByTime& by_time = all[base.Build()];
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    const SequenceValue& value = series.values[i];
    if (value.omitted || value.histogram) continue;
    Classic& classic = by_time[i];
    if (suffix == "_bucket") {
      classic.cumulative.emplace(bound, value.value);
    } else if (suffix == "_count") {
      classic.count = value.value;
    } else {
      classic.sum = value.value;
    }
  }
}

}  // namespace

Result<std::vector<ScriptSeries>> ConvertClassicHistograms(
    const std::vector<ScriptSeries>& series) {
  ClassicBySeries all;
  for (const auto& s : series) Collect(s, all);
  std::vector<ScriptSeries> converted;
  for (auto& [labels, by_time] : all) {
    ScriptSeries out;
    out.labels = labels;
    for (auto& [index, classic] : by_time) {
      SequenceValue missing;
      missing.omitted = true;
      out.values.resize(index, missing);
      SequenceValue value;
      NX_ASSIGN_OR_RETURN(value.histogram, Convert(std::move(classic)));
      out.values.push_back(std::move(value));
    }
    converted.push_back(std::move(out));
  }
  return converted;
}

}  // namespace narthex::promql
