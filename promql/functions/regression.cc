// SPDX-License-Identifier: Apache-2.0
//
// deriv and predict_linear (least squares), double_exponential_smoothing.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "promql/functions/kahan_windows.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

struct Line {
  double slope;
  double intercept;  // At the reference time.
};

double Seconds(model::TimestampMs t, model::TimestampMs reference) {
  return static_cast<double>(t - reference) / 1e3;
}

LineSums AddUp(std::span<const model::TimestampMs> t, std::span<const double> v,
               model::TimestampMs reference) {
  LineSums sums;
  SumLine(t, v, reference, sums);
  if (IsFinite(sums.y) && IsFinite(sums.xy)) return sums;
  sums = {};
  for (std::size_t i = 0; i < v.size(); ++i) {
    const double x = Seconds(t[i], reference), y = v[i];
    sums.x.Add(x);
    sums.y.Add(y);
    sums.xy.Add(x * y);
    sums.xx.Add(x * x);
  }
  return sums;
}

/// Fits a line to each window of a series. The sums of times are equal for all windows with as many
/// samples, one interval and one place of the reference; such windows follow one another, so what
/// was found for the last one is kept, and the other sums are found for several at once.
/// Reference: gives the time that a step counts seconds from.
template <typename Reference>
class Fitter {
 public:
  Fitter(const RangeSeries& series, Reference reference)
      : series_(series), reference_(std::move(reference)) {}

  /// @param s  steps rise
  Line Fit(int s) {
    const auto v = series_.v.subspan(series_.lo[s], series_.FloatCount(s));
    if (std::all_of(v.begin(), v.end(), [&](double y) { return y == v[0]; })) return Constant(v[0]);
    const bool known = s >= first_step_ && s < end_step_;
    if (!known && !SumFrom(s)) return Solve(AddUp(TimesOf(s), v, reference_(s)), v.size());
    const auto k = static_cast<std::size_t>(s - first_step_);
    LineSums sums{x_sum_, y_sums_[k], xy_sums_[k], xx_sum_};
    if (!IsFinite(sums.y) || !IsFinite(sums.xy)) sums = AddUp(TimesOf(s), v, reference_(s));
    return Solve(sums, v.size());
  }

 private:
  static Line Constant(double v) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    if (std::isinf(v)) return {kNan, kNan};
    return {0, v};
  }

  static Line Solve(const LineSums& sums, std::size_t size) {
    const auto n = static_cast<double>(size);
    const double sx = sums.x.Total(), sy = sums.y.Total();
    const double covariance = sums.xy.Total() - sx * sy / n;
    const double variance = sums.xx.Total() - sx * sx / n;
    const double slope = covariance / variance;
    return {slope, sy / n - slope * sx / n};
  }

  std::span<const model::TimestampMs> TimesOf(int s) const {
    return series_.t.subspan(series_.lo[s], series_.FloatCount(s));
  }

  /// Adds up this step's window and those of the next ones that have the same times.
  /// @return false when its samples are not at one interval
  bool SumFrom(int s) {
    const auto n = static_cast<int>(series_.lo.size());
    if (n == 1 || !IsEven(series_.lo[s], series_.hi[s])) return false;
    Learn(TimesOf(s), reference_(s));
    std::array<const double*, kWindowsAtOnce> windows;
    std::size_t found = 0;
    first_step_ = end_step_ = s;
    do {
      windows[found++] = series_.v.data() + series_.lo[end_step_++];
    } while (found < windows.size() && end_step_ < n && HasLearntTimes(end_step_));
    SumProducts(x_, std::span(windows).first(found), y_sums_, xy_sums_);
    return true;
  }

  bool HasLearntTimes(int s) {
    const auto t = TimesOf(s);
    return t.size() == x_.size() && t[0] - reference_(s) == first_ && t[1] - t[0] == interval_ &&
           IsEven(series_.lo[s], series_.hi[s]);
  }

  /// Whether all samples of a window are at one interval.
  bool IsEven(std::size_t lo, std::size_t hi) {
    // even_until_: the samples from even_from_ up to there are.
    const auto& t = series_.t;
    if (even_until_ < lo + 2) {
      even_from_ = lo;
      even_until_ = std::min(lo + 2, t.size());
    }
    while (even_until_ < hi) {
      const std::size_t i = even_until_;
      if (t[i] - t[i - 1] != t[i - 1] - t[i - 2]) {
        if (i - 1 > lo) return false;  // Looked at again when the window has moved past it.
        even_from_ = i - 1;
      }
      ++even_until_;
    }
    return even_from_ <= lo;
  }

  void Learn(std::span<const model::TimestampMs> t, model::TimestampMs reference) {
    const model::DurationMs first = t[0] - reference, interval = t[1] - t[0];
    if (x_.size() == t.size() && first == first_ && interval == interval_) return;
    first_ = first;
    interval_ = interval;
    x_.clear();
    x_sum_ = xx_sum_ = {};
    for (const model::TimestampMs at : t) {
      const double x = Seconds(at, reference);
      x_.push_back(x);
      x_sum_.Add(x);
      xx_sum_.Add(x * x);
    }
  }

  const RangeSeries& series_;
  const Reference reference_;
  std::size_t even_from_ = 0, even_until_ = 0;
  // Of the last window whose samples were at one interval: its times, and their sums.
  std::vector<double> x_;
  KahanSum x_sum_, xx_sum_;
  model::DurationMs first_ = 0, interval_ = 0;
  // Of the steps from first_step_ to before end_step_, which have those times.
  int first_step_ = 0, end_step_ = 0;
  std::array<KahanSum, kWindowsAtOnce> y_sums_, xy_sums_;
};

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
  Fitter fitter(series, [&](int s) { return series.t[series.lo[s]]; });
  ForEachPair(call, series, notes, [&](int s) { row.Set(s, fitter.Fit(s).slope); });
}

void PredictLinearKernel(const RangeCall& call, const RangeSeries& series, RowRef row,
                         storage::Annotations& notes) {
  Fitter fitter(series, [&](int s) { return call.window.grid.At(s); });
  ForEachPair(call, series, notes, [&](int s) {
    const Line line = fitter.Fit(s);
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
