// SPDX-License-Identifier: Apache-2.0
//
// sum_over_time and avg_over_time of native histograms.
#include "narthex/model/float_histogram.h"
#include "promql/functions/histogram_fold.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

void FoldWindow(bool average, const RangeCall& call, const RangeSeries& series, int s, RowRef row,
                storage::Annotations& notes) {
  HistogramFold fold(average);
  for (std::size_t i = series.hlo[s]; i < series.hhi[s]; ++i) fold.Add(series.h[i]);
  // Of what can't be added nothing else is told.
  if (!fold.compatible()) return WarnMixedBuckets(call, series, notes);
  fold.Note(call.position, notes);
  row.Set(s, fold.Result());
}

}  // namespace

void SumHistogramWindow(const RangeCall& call, const RangeSeries& series, int s, RowRef row,
                        storage::Annotations& notes) {
  FoldWindow(false, call, series, s, row, notes);
}

void AvgHistogramWindow(const RangeCall& call, const RangeSeries& series, int s, RowRef row,
                        storage::Annotations& notes) {
  FoldWindow(true, call, series, s, row, notes);
}

}  // namespace narthex::promql
