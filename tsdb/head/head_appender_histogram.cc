// SPDX-License-Identifier: Apache-2.0
//
// Native histograms in the appender.
#include <algorithm>

#include "narthex/model/sample.h"
#include "narthex/tsdb/histogram_check.h"
#include "tsdb/head/head_appender.h"

namespace narthex::tsdb {

using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

template <>
HeadAppender::Histograms<model::Histogram>& HeadAppender::HistogramsOf(Batch& batch) {
  return batch.ints;
}
template <>
HeadAppender::Histograms<model::FloatHistogram>& HeadAppender::HistogramsOf(Batch& batch) {
  return batch.floats;
}

// A commit without such changes is one batch, and floats pay nothing for finding that out: only
// series with histograms are noted, and a series whose every pending sample is this one has no
// float before it.
void HeadAppender::NoteHistogram(SeriesSlot slot, const MemSeries& series, HistogramKind kind,
                                 std::uint32_t own) {
  const auto known = histogram_kinds_.find(slot);
  const bool changes =
      known != histogram_kinds_.end()
          ? known->second != kind
          : series.pending > own &&
                std::find(batch_.slots.begin(), batch_.slots.end(), slot) != batch_.slots.end();
  if (changes) EndBatch();
  histogram_kinds_[slot] = kind;
}

template <typename H>
AppendError HeadAppender::KeepHistogram(SeriesSlot slot, const MemSeries& series, TimestampMs t,
                                        const H& h, TimestampMs start, std::uint32_t own) {
  const bool at_last = series.has_samples() && t == series.xor_state.t && t >= min_valid_;
  const auto error = at_last ? (!series.has_open_chunk() || head_.chunks.EqualsLast(series, h)
                                    ? AppendError::kNone
                                    : AppendError::kDuplicate)
                             : CheckTime(series, t);
  if (error != AppendError::kNone) {
    if (error == AppendError::kDuplicate) duplicate_.reset();  // Prometheus tells no values.
    return error;
  }
  constexpr bool kIsInt = std::is_same_v<H, model::Histogram>;
  const bool custom = h.schema == model::kCustomBucketsSchema;
  NoteHistogram(slot, series,
                kIsInt ? (custom ? HistogramKind::kCustomInt : HistogramKind::kInt)
                       : (custom ? HistogramKind::kCustomFloat : HistogramKind::kFloat),
                own);
  auto& pending = HistogramsOf<H>(batch_);
  pending.entries.push_back({series.wal_ref, t, h, start});
  pending.slots.push_back(slot);
  NoteUnlogged(slot, series);
  return AppendError::kNone;
}

template AppendError HeadAppender::KeepHistogram(SeriesSlot, const MemSeries&, TimestampMs,
                                                 const model::Histogram&, TimestampMs,
                                                 std::uint32_t);
template AppendError HeadAppender::KeepHistogram(SeriesSlot, const MemSeries&, TimestampMs,
                                                 const model::FloatHistogram&, TimestampMs,
                                                 std::uint32_t);

template <typename H>
AppendError HeadAppender::AddHistogram(SeriesRef& ref, const model::Labels& labels, TimestampMs t,
                                       const H& h) {
  if (OutOfBounds(t)) return AppendError::kOutOfBounds;
  if (std::string problem = ProblemOf(h); !problem.empty()) {
    invalid_histogram_ = std::move(problem);
    return AppendError::kInvalidHistogram;
  }
  SeriesSlot slot = 0;
  if (const auto error = PinOrCreate(ref, labels, slot); error != AppendError::kNone) return error;
  MemSeries& series = head_.index.At(slot);
  SeriesLock lock(series);
  const auto error = KeepHistogram(slot, series, t, h, start_, 1);
  if (error != AppendError::kNone) --series.pending;
  return error;
}

AppendError HeadAppender::CountHistogram(AppendError error) {
  switch (error) {
    case AppendError::kOutOfOrder:
      if (window_ == 0) head_.metrics.out_of_order_histograms.Add();
      break;
    case AppendError::kOutOfBounds:
      head_.metrics.out_of_bound_histograms.Add();
      break;
    case AppendError::kTooOld:
      head_.metrics.too_old_histograms.Add();
      break;
    default:
      break;
  }
  return error;
}

AppendError HeadAppender::AppendHistogram(SeriesRef& ref, const model::Labels& labels,
                                          TimestampMs t, const model::Histogram& h) {
  return CountHistogram(AddHistogram(ref, labels, t, h));
}

AppendError HeadAppender::AppendFloatHistogram(SeriesRef& ref, const model::Labels& labels,
                                               TimestampMs t, const model::FloatHistogram& h) {
  return CountHistogram(AddHistogram(ref, labels, t, h));
}

AppendError HeadAppender::KeepStaleHistogram(SeriesSlot slot, const MemSeries& series,
                                             TimestampMs t, TimestampMs start, std::uint32_t own) {
  if (series.encoding == Encoding::kFloatHistogram ||
      series.encoding == Encoding::kFloatHistogramSt) {
    model::FloatHistogram h;
    h.sum = model::kStaleNaN;
    return KeepHistogram(slot, series, t, h, start, own);
  }
  model::Histogram h;
  h.sum = model::kStaleNaN;
  return KeepHistogram(slot, series, t, h, start, own);
}

template <typename H>
void HeadAppender::PublishHistograms(Batch& batch, Published& published) {
  const auto& pending = HistogramsOf<H>(batch);
  for (std::size_t i = 0; i < pending.slots.size(); ++i) {
    const auto& entry = pending.entries[i];
    MemSeries& series = head_.index.At(pending.slots[i]);
    SeriesLock lock(series);
    if (!InOrder(series, entry.t)) [[unlikely]] {
      if (TakesLate(series, entry.t, true)) {
        late_.push_back({pending.slots[i], OooSample::Of(entry.t, entry.histogram, entry.start)});
      } else {
        --series.pending;
      }
      continue;
    }
    --series.pending;
    head_.isolation.Mark(series, pending.slots[i], published.commit, entry.t);
    const bool had_chunk = series.has_open_chunk();
    const bool cut = head_.chunks.AppendHistogram(series, entry.t, entry.histogram, entry.start);
    if (cut) full_.push_back(pending.slots[i]);
    published.chunks_created += !had_chunk || cut;
    published.mint = std::min(published.mint, entry.t);
    published.maxt = std::max(published.maxt, entry.t);
    ++published.histograms;
  }
}

template void HeadAppender::PublishHistograms<model::Histogram>(Batch&, Published&);
template void HeadAppender::PublishHistograms<model::FloatHistogram>(Batch&, Published&);

}  // namespace narthex::tsdb
