// SPDX-License-Identifier: Apache-2.0
//
// Functions that reduce a window to a count, a sum, an extreme or an end of it.
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "promql/functions/kahan_windows.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

/// For sum and avg: floats go to fn(step), histograms to the other, mixed windows give nothing.
template <typename Floats, typename Histograms>
void ByKind(const RangeCall& call, const RangeSeries& series, storage::Annotations& notes,
            Floats&& floats, Histograms&& histograms) {
  for (int s = 0; s < call.window.grid.n; ++s) {
    const std::size_t n_floats = series.FloatCount(s), n_histograms = series.HistogramCount(s);
    if (n_floats > 0 && n_histograms > 0) {
      WarnMixed(call, series, notes);
    } else if (n_floats > 0) {
      floats(s);
    } else if (n_histograms > 0) {
      histograms(s);
    }
  }
}

double SumOf(KahanSum sum, std::span<const double> window) {
  if (!IsFinite(sum)) {
    sum = {};
    for (const double x : window) sum.Add(x);
  }
  return std::isinf(sum.sum) ? sum.sum : sum.Total();
}

double MeanOf(KahanSum sum, std::span<const double> window) {
  const auto count = static_cast<double>(window.size());
  if (IsFinite(sum)) return sum.sum / count + sum.compensation / count;
  KahanMean mean;
  for (const double x : window) mean.Add(x);
  return mean.Mean();
}

/// The sum of every window of floats.
std::span<const KahanSum> SumAll(const RangeSeries& series) {
  static thread_local std::vector<KahanSum> sums;
  sums.resize(series.lo.size());
  SumWindows(series.v, series.lo, series.hi, sums);
  return sums;
}

std::span<const double> Window(const RangeSeries& series, int s) {
  return series.v.subspan(series.lo[s], series.FloatCount(s));
}

/// Finds the extremes of windows that only move forward: a queue of the samples that can still
/// become the extreme. Samples between two places where windows begin or end come and go together,
/// so the best of them stands for all. NaN loses to any number.
template <typename Better>
class SlidingExtreme {
 public:
  /// @param better(new, old)  whether a new sample makes an older one superfluous
  SlidingExtreme(const RangeSeries& series, Better better) : series_(series), better_(better) {}

  /// Index of the extreme of a step's window, which is not empty; steps rise.
  std::size_t Find(int s) {
    const std::size_t lo = series_.lo[s], hi = series_.hi[s];
    added_ = std::max(added_, lo);
    next_step_ = std::max(next_step_, static_cast<std::size_t>(s));
    while (added_ < hi) {
      while (next_step_ < series_.lo.size() && series_.lo[next_step_] <= added_) ++next_step_;
      const bool cut = next_step_ < series_.lo.size() && series_.lo[next_step_] < hi;
      const std::size_t end = cut ? series_.lo[next_step_] : hi;
      Enqueue(BestOf(added_, end), end);
      added_ = end;
    }
    while (head_ < queue_.size() && queue_[head_] < lo) ++head_;
    // Without a number the last NaN stands for the window.
    return head_ < queue_.size() ? queue_[head_] : hi - 1;
  }

 private:
  /// Index of the best number in [begin, end); the end when there is none.
  std::size_t BestOf(std::size_t begin, std::size_t end) const {
    const double* const v = series_.v.data();
    while (begin < end && std::isnan(v[begin])) ++begin;
    std::size_t best = begin;
    for (std::size_t i = begin + 1; i < end; ++i) {
      if (better_(v[i], v[best])) best = i;  // Never true of NaN.
    }
    return best;
  }

  void Enqueue(std::size_t i, std::size_t none) {
    if (i == none) return;
    const auto& v = series_.v;
    while (queue_.size() > head_ && better_(v[i], v[queue_.back()])) queue_.pop_back();
    queue_.push_back(i);
  }

  const RangeSeries& series_;
  const Better better_;
  std::vector<std::size_t> queue_;  // From head_ on: rising indexes, values from best to worst.
  std::size_t head_ = 0;
  std::size_t added_ = 0;
  std::size_t next_step_ = 0;  // The first whose window begins behind added_.
};

template <typename Better>
void Extremes(const RangeCall& call, const RangeSeries& series, RowRef row,
              storage::Annotations& notes, bool time, Better better) {
  SlidingExtreme sliding(series, better);
  ForEachFloatWindow(call, series, notes, [&](int s) {
    const std::size_t i = sliding.Find(s);
    row.Set(s, time ? static_cast<double>(series.t[i]) / 1000 : series.v[i]);
  });
}

}  // namespace

void CountOverTime(const RangeCall& call, const RangeSeries& series, RowRef row,
                   storage::Annotations&) {
  for (int s = 0; s < call.window.grid.n; ++s) {
    const std::size_t count = series.FloatCount(s) + series.HistogramCount(s);
    if (count > 0) row.Set(s, static_cast<double>(count));
  }
}

void PresentOverTime(const RangeCall& call, const RangeSeries& series, RowRef row,
                     storage::Annotations&) {
  for (int s = 0; s < call.window.grid.n; ++s) {
    if (series.FloatCount(s) + series.HistogramCount(s) > 0) row.Set(s, 1);
  }
}

void SumOverTime(const RangeCall& call, const RangeSeries& series, RowRef row,
                 storage::Annotations& notes) {
  const auto sums = SumAll(series);
  ByKind(
      call, series, notes, [&](int s) { row.Set(s, SumOf(sums[s], Window(series, s))); },
      [&](int s) { SumHistogramWindow(call, series, s, row, notes); });
}

void AvgOverTime(const RangeCall& call, const RangeSeries& series, RowRef row,
                 storage::Annotations& notes) {
  const auto sums = SumAll(series);
  ByKind(
      call, series, notes, [&](int s) { row.Set(s, MeanOf(sums[s], Window(series, s))); },
      [&](int s) { AvgHistogramWindow(call, series, s, row, notes); });
}

void MinMaxOverTime(const RangeCall& call, const RangeSeries& series, RowRef row,
                    storage::Annotations& notes) {
  // Of equal values the first one is the extreme, but for its time the last one.
  switch (call.id) {
    case FunctionId::kMinOverTime:
      return Extremes(call, series, row, notes, false, [](double a, double b) { return a < b; });
    case FunctionId::kMaxOverTime:
      return Extremes(call, series, row, notes, false, [](double a, double b) { return a > b; });
    case FunctionId::kTsOfMinOverTime:
      return Extremes(call, series, row, notes, true, [](double a, double b) { return a <= b; });
    default:
      return Extremes(call, series, row, notes, true, [](double a, double b) { return a >= b; });
  }
}

void FirstLastOverTime(const RangeCall& call, const RangeSeries& series, RowRef row,
                       storage::Annotations&) {
  const bool first = call.id == FunctionId::kFirstOverTime;
  // A histogram is at many steps the first or last one; it is copied once.
  HistogramPtr shared;
  std::size_t shared_index = 0;
  for (int s = 0; s < call.window.grid.n; ++s) {
    const bool has_float = series.FloatCount(s) > 0;
    if (series.HistogramCount(s) == 0) {
      if (has_float) row.Set(s, series.v[first ? series.lo[s] : series.hi[s] - 1]);
      continue;
    }
    const std::size_t j = first ? series.hlo[s] : series.hhi[s] - 1;
    if (has_float) {
      const std::size_t i = first ? series.lo[s] : series.hi[s] - 1;
      if (first ? series.t[i] < series.ht[j] : series.t[i] > series.ht[j]) {
        row.Set(s, series.v[i]);
        continue;
      }
    }
    if (shared == nullptr || shared_index != j) {
      shared = std::make_shared<const model::FloatHistogram>(series.h[j]);
      shared_index = j;
    }
    row.Set(s, shared);
  }
}

void TimeOfFirstLast(const RangeCall& call, const RangeSeries& series, RowRef row,
                     storage::Annotations&) {
  const bool first = call.id == FunctionId::kTsOfFirstOverTime;
  for (int s = 0; s < call.window.grid.n; ++s) {
    const bool has_float = series.FloatCount(s) > 0, has_histogram = series.HistogramCount(s) > 0;
    if (!has_float && !has_histogram) continue;
    model::TimestampMs t = 0;
    if (has_float) t = series.t[first ? series.lo[s] : series.hi[s] - 1];
    if (has_histogram) {
      const model::TimestampMs ht = series.ht[first ? series.hlo[s] : series.hhi[s] - 1];
      if (!has_float || (first ? ht < t : ht > t)) t = ht;
    }
    row.Set(s, static_cast<double>(t) / 1000);
  }
}

}  // namespace narthex::promql
