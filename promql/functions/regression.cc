// SPDX-License-Identifier: Apache-2.0
//
// deriv and predict_linear (least squares), double_exponential_smoothing.
#include <cmath>
#include <limits>

#include "promql/functions/kahan.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

struct Line {
  double slope;
  double intercept;  // At the reference time.
};

Line Fit(const RangeSeries& series, int s, model::TimestampMs reference) {
  const std::size_t lo = series.lo[s], hi = series.hi[s];
  const double first = series.v[lo];
  double n = 0;
  bool constant = true;
  KahanSum x_sum, y_sum, xy_sum, xx_sum;
  for (std::size_t i = lo; i < hi; ++i) {
    const double y = series.v[i];
    if (constant && i > lo && y != first) constant = false;
    n += 1;
    const double x = static_cast<double>(series.t[i] - reference) / 1e3;
    x_sum.Add(x);
    y_sum.Add(y);
    xy_sum.Add(x * y);
    xx_sum.Add(x * x);
  }
  if (constant) {
    if (std::isinf(first)) {
      constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
      return {kNan, kNan};
    }
    return {0, first};
  }
  const double sx = x_sum.Total(), sy = y_sum.Total();
  const double covariance = xy_sum.Total() - sx * sy / n;
  const double variance = xx_sum.Total() - sx * sx / n;
  const double slope = covariance / variance;
  return {slope, sy / n - slope * sx / n};
}

/// Calls fn(step) for windows with two floats or more; one float among histograms gets the info.
template <typename Fn>
void ForEachPair(const RangeCall& call, const RangeSeries& series, storage::Annotations& notes,
                 Fn&& fn) {
  for (int s = 0; s < call.window.grid.n; ++s) {
    const std::size_t floats = series.FloatCount(s);
    if (floats > 0 && series.HistogramCount(s) > 0) InfoIgnoredHistograms(call, series, notes);
    if (floats >= 2) fn(s);
  }
}

}  // namespace

void DerivKernel(const RangeCall& call, const RangeSeries& series, RowRef row,
                 storage::Annotations& notes) {
  ForEachPair(call, series, notes,
              [&](int s) { row.Set(s, Fit(series, s, series.t[series.lo[s]]).slope); });
}

void PredictLinearKernel(const RangeCall& call, const RangeSeries& series, RowRef row,
                         storage::Annotations& notes) {
  ForEachPair(call, series, notes, [&](int s) {
    const Line line = Fit(series, s, call.window.grid.At(s));
    row.Set(s, line.slope * call.scalars[0][s] + line.intercept);
  });
}

void SmoothingKernel(const RangeCall& call, const RangeSeries& series, RowRef row,
                     storage::Annotations& notes) {
  ForEachPair(call, series, notes, [&](int s) {
    const double sf = call.scalars[0][s], tf = call.scalars[1][s];
    const std::size_t lo = series.lo[s], hi = series.hi[s];
    double s0 = 0, s1 = series.v[lo], b = series.v[lo + 1] - series.v[lo];
    for (std::size_t i = lo + 1; i < hi; ++i) {
      const double x = sf * series.v[i];
      if (i > lo + 1) b = tf * (s1 - s0) + (1 - tf) * b;
      const double y = (1 - sf) * (s1 + b);
      s0 = s1;
      s1 = x + y;
    }
    row.Set(s, s1);
  });
}

}  // namespace narthex::promql
