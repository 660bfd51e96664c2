// SPDX-License-Identifier: Apache-2.0
//
// Functions that reduce a window to a count, a sum, an extreme or an end of it.
#include <cmath>

#include "promql/functions/kahan.h"
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

double WindowSum(const double* v, std::size_t n) {
  KahanSum sum;
  for (std::size_t i = 0; i < n; ++i) sum.Add(v[i]);
  return std::isinf(sum.sum) ? sum.sum : sum.Total();
}

double WindowMean(const double* v, std::size_t n) {
  KahanMean mean;
  for (std::size_t i = 0; i < n; ++i) mean.Add(v[i]);
  return mean.Mean();
}

/// Index of the extreme; `better(candidate, best)` says which of two wins. NaN loses to numbers.
template <typename Better>
std::size_t ExtremeOf(const double* v, std::size_t n, Better better) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (better(v[i], v[best]) || std::isnan(v[best])) best = i;
  }
  return best;
}

std::size_t Extreme(FunctionId id, const double* v, std::size_t n) {
  switch (id) {
    case FunctionId::kMinOverTime:
      return ExtremeOf(v, n, [](double a, double b) { return a < b; });
    case FunctionId::kMaxOverTime:
      return ExtremeOf(v, n, [](double a, double b) { return a > b; });
    case FunctionId::kTsOfMinOverTime:
      return ExtremeOf(v, n, [](double a, double b) { return a <= b; });
    default:
      return ExtremeOf(v, n, [](double a, double b) { return a >= b; });
  }
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
  ByKind(
      call, series, notes,
      [&](int s) { row.Set(s, WindowSum(series.v.data() + series.lo[s], series.FloatCount(s))); },
      [&](int s) { SumHistogramWindow(call, series, s, row, notes); });
}

void AvgOverTime(const RangeCall& call, const RangeSeries& series, RowRef row,
                 storage::Annotations& notes) {
  ByKind(
      call, series, notes,
      [&](int s) { row.Set(s, WindowMean(series.v.data() + series.lo[s], series.FloatCount(s))); },
      [&](int s) { AvgHistogramWindow(call, series, s, row, notes); });
}

void MinMaxOverTime(const RangeCall& call, const RangeSeries& series, RowRef row,
                    storage::Annotations& notes) {
  const bool time =
      call.id == FunctionId::kTsOfMinOverTime || call.id == FunctionId::kTsOfMaxOverTime;
  ForEachFloatWindow(call, series, notes, [&](int s) {
    const std::size_t lo = series.lo[s];
    const std::size_t i = lo + Extreme(call.id, series.v.data() + lo, series.FloatCount(s));
    row.Set(s, time ? static_cast<double>(series.t[i]) / 1000 : series.v[i]);
  });
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
