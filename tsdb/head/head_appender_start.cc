// SPDX-License-Identifier: Apache-2.0
//
// Zeros where series began.
#include "narthex/model/float_histogram.h"
#include "tsdb/head/head_appender.h"

namespace narthex::tsdb {

using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

// Nothing is counted: a long-lived series comes with the same start again and again.
template <typename Fn>
AppendError HeadAppender::AddStart(SeriesRef& ref, const model::Labels& labels, TimestampMs t,
                                   TimestampMs start, Fn&& keep) {
  if (start >= t) return AppendError::kStartNotOlder;
  if (OutOfBounds(start)) return AppendError::kOutOfBounds;
  SeriesSlot slot = 0;
  if (const auto error = PinOrCreate(ref, labels, slot); error != AppendError::kNone) return error;
  MemSeries& series = head_.index.At(slot);
  SeriesLock lock(series);
  const auto error = InOrder(series, start) ? keep(slot, series) : AppendError::kOutOfOrder;
  series.pending -= error != AppendError::kNone;
  return error;
}

AppendError HeadAppender::AppendStartZero(SeriesRef& ref, const model::Labels& labels,
                                          TimestampMs t, TimestampMs start) {
  return AddStart(ref, labels, t, start, [&](SeriesSlot slot, const MemSeries& series) {
    return Keep(slot, series, start, 0, 0, 1);
  });
}

template <typename H>
AppendError HeadAppender::AddHistogramStart(SeriesRef& ref, const model::Labels& labels,
                                            TimestampMs t, TimestampMs start, const H& like) {
  // With the layout of what follows, so that no chunk is cut for it.
  H zero;
  zero.counter_reset_hint = model::CounterResetHint::kReset;
  zero.schema = like.schema;
  zero.zero_threshold = like.zero_threshold;
  zero.custom_values = like.custom_values;
  return AddStart(ref, labels, t, start, [&](SeriesSlot slot, const MemSeries& series) {
    return KeepHistogram(slot, series, start, zero, 0, 1);
  });
}

AppendError HeadAppender::AppendStartZero(SeriesRef& ref, const model::Labels& labels,
                                          TimestampMs t, TimestampMs start,
                                          const model::Histogram& like) {
  return AddHistogramStart(ref, labels, t, start, like);
}

AppendError HeadAppender::AppendStartZero(SeriesRef& ref, const model::Labels& labels,
                                          TimestampMs t, TimestampMs start,
                                          const model::FloatHistogram& like) {
  return AddHistogramStart(ref, labels, t, start, like);
}

}  // namespace narthex::tsdb
