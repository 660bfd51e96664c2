// SPDX-License-Identifier: Apache-2.0
//
// How the values of a window spread: standard deviation, quantiles, median absolute deviation.
#include <cmath>
#include <limits>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "promql/functions/kahan.h"
#include "promql/functions/quantile.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

/// Welford's method with a compensation on mean and sum of squares.
double Variance(std::span<const double> v) {
  double count = 0;
  KahanSum mean, squares;
  for (const double x : v) {
    count += 1;
    const double delta = x - mean.Total();
    mean.Add(delta / count);
    squares.Add(delta * (x - mean.Total()));
  }
  return squares.Total() / count;
}

std::span<const double> Window(const RangeSeries& series, int s) {
  return series.v.subspan(series.lo[s], series.FloatCount(s));
}

}  // namespace

void SpreadOverTime(const RangeCall& call, const RangeSeries& series, RowRef row,
                    storage::Annotations& notes) {
  const bool deviation = call.id == FunctionId::kStddevOverTime;
  ForEachFloatWindow(call, series, notes, [&](int s) {
    const double variance = Variance(Window(series, s));
    row.Set(s, deviation ? std::sqrt(variance) : variance);
  });
}

void QuantileOverTime(const RangeCall& call, const RangeSeries& series, RowRef row,
                      storage::Annotations& notes) {
  std::vector<double> values;
  ForEachFloatWindow(call, series, notes, [&](int s) {
    const auto window = Window(series, s);
    values.assign(window.begin(), window.end());
    const double q = call.scalars[0][s];
    if (std::isnan(q) || q < 0 || q > 1) {
      notes.AddWarning(fmt::format("PromQL warning: quantile value should be between 0 and 1, "
                                   "got {}",
                                   go::FormatFloatG(q)),
                       call.position);
    }
    row.Set(s, QuantileOf(q, values));
  });
}

void MadOverTime(const RangeCall& call, const RangeSeries& series, RowRef row,
                 storage::Annotations& notes) {
  std::vector<double> values;
  ForEachFloatWindow(call, series, notes, [&](int s) {
    const auto window = Window(series, s);
    for (const double v : window) {
      if (std::isnan(v)) {
        row.Set(s, std::numeric_limits<double>::quiet_NaN());
        return;
      }
    }
    values.assign(window.begin(), window.end());
    const double median = QuantileOf(0.5, values);
    for (double& v : values) v = std::fabs(v - median);
    row.Set(s, QuantileOf(0.5, values));
  });
}

}  // namespace narthex::promql
