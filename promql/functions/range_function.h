// SPDX-License-Identifier: Apache-2.0
//
// Functions over range vectors: each is a kernel that fills one row from one series.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "narthex/storage/annotations.h"
#include "promql/exec/operator.h"
#include "promql/exec/range_source.h"
#include "promql/parser/functions.h"

namespace narthex::promql {

struct RangeCall {
  const RangeWindow& window;
  std::span<const Scalars> scalars;  // The other arguments, in order.
  PositionRange position;            // Of the first argument.
  FunctionId id;
};

/// Fills a row; called from worker threads, each with its own annotations.
using RangeKernel = void (*)(const RangeCall& call, const RangeSeries& series, RowRef row,
                             storage::Annotations& notes);

struct RangeFunction {
  RangeKernel kernel = nullptr;  // Null: not a function over ranges.
  bool keeps_name = false;
};
RangeFunction FindRangeFunction(FunctionId id);

/// "… for metric name %q".
std::string ForMetricName(std::string_view text, std::string_view name);
/// The same; nothing is added for an empty name.
std::string WithMetricName(std::string_view text, std::string_view name);

// Texts that several kernels share.
void WarnMixed(const RangeCall& call, const RangeSeries& series, storage::Annotations& notes);
void WarnMixedBuckets(const RangeCall& call, const RangeSeries& series,
                      storage::Annotations& notes);
void InfoIgnoredHistograms(const RangeCall& call, const RangeSeries& series,
                           storage::Annotations& notes);

/// Calls fn(step) for each step whose window has floats; notes histograms that are ignored there.
template <typename Fn>
void ForEachFloatWindow(const RangeCall& call, const RangeSeries& series,
                        storage::Annotations& notes, Fn&& fn) {
  for (int s = 0; s < call.window.grid.n; ++s) {
    if (series.FloatCount(s) == 0) continue;
    if (series.HistogramCount(s) > 0) InfoIgnoredHistograms(call, series, notes);
    fn(s);
  }
}

// Kernels, by file.
// rate.cc
void RateKernel(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
void InstantDeltaKernel(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
// rate_extended.cc
void ExtendedRateKernel(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
// over_time.cc
void CountOverTime(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
void PresentOverTime(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
void SumOverTime(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
void AvgOverTime(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
void MinMaxOverTime(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
void FirstLastOverTime(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
void TimeOfFirstLast(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
// spread_over_time.cc
void SpreadOverTime(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
void QuantileOverTime(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
void MadOverTime(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
// regression.cc
void DerivKernel(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
void PredictLinearKernel(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
void SmoothingKernel(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
// changes.cc
void ChangesKernel(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
void ResetsKernel(const RangeCall&, const RangeSeries&, RowRef, storage::Annotations&);
// over_time_histograms.cc: windows that hold only histograms.
void SumHistogramWindow(const RangeCall&, const RangeSeries&, int step, RowRef,
                        storage::Annotations&);
void AvgHistogramWindow(const RangeCall&, const RangeSeries&, int step, RowRef,
                        storage::Annotations&);
// rate_histograms.cc
/// Null when the samples do not fit together; the reason is then in the notes.
HistogramPtr HistogramRate(const RangeCall&, const RangeSeries&, int step, storage::Annotations&);

}  // namespace narthex::promql
