// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/head_appender.h"

#include <algorithm>
#include <bit>

namespace narthex::tsdb {

using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

namespace {

// A series is touched in two cache lines, and the next ones of a scrape are elsewhere in memory.
constexpr std::size_t kPrefetchAhead = 8;

void Prefetch(const MemSeries& series) {
  __builtin_prefetch(&series, 1);
  __builtin_prefetch(reinterpret_cast<const char*>(&series) + 64, 1);
}

TimestampMs SaturatingMinus(TimestampMs t, model::DurationMs d) {
  TimestampMs result = 0;
  return __builtin_sub_overflow(t, d, &result) ? model::kMinTime : result;
}

bool NamesRepeat(const model::Labels& labels) {
  std::string_view last;
  bool first = true;
  for (const auto label : labels) {
    if (!first && label.name == last) return true;
    last = label.name;
    first = false;
  }
  return false;
}

}  // namespace

HeadAppender::HeadAppender(HeadState& head, const std::function<void()>& committed)
    : head_(head), committed_(committed) {
  head_.metrics.active_appenders.Add(1);
  if (!head_.empty()) Begin(0);
}

HeadAppender::~HeadAppender() { Rollback(); }

// Fixes the window of times. An empty head has none until its first sample comes.
void HeadAppender::Begin(TimestampMs first_t) {
  // Registered as the most permissive one until the window is known, so that a compaction waits.
  place_ = head_.appenders.Add(model::kMinTime);
  if (head_.empty()) head_.InitTime(first_t);
  head_max_time_ = head_.max_time.load();
  min_valid_ = std::max(head_.min_valid_time.load(),
                        SaturatingMinus(head_max_time_, head_.options.limits.chunk_range_ms / 2));
  head_.appenders.Update(*place_, min_valid_);
}

bool HeadAppender::OutOfBounds(TimestampMs t) {
  if (!place_) Begin(t);
  return t < min_valid_ && head_.options.out_of_order_window_ms == 0;
}

AppendError HeadAppender::Check(const MemSeries& series, TimestampMs t, double v) const {
  const XorState& state = series.xor_state;
  if (t >= min_valid_) {
    if (!series.has_samples() || t > state.t) return AppendError::kNone;
    if (t == state.t) {
      const bool same = series.chunk == 0 ||
                        std::bit_cast<std::uint64_t>(state.v) == std::bit_cast<std::uint64_t>(v);
      return same ? AppendError::kNone : AppendError::kDuplicate;
    }
  }
  if (head_.options.out_of_order_window_ms > 0) return AppendError::kTooOld;
  return t < min_valid_ ? AppendError::kOutOfBounds : AppendError::kOutOfOrder;
}

AppendError HeadAppender::Count(AppendError error) {
  switch (error) {
    case AppendError::kOutOfOrder:
      head_.metrics.out_of_order_floats.Add();
      break;
    case AppendError::kOutOfBounds:
      head_.metrics.out_of_bound_floats.Add();
      break;
    case AppendError::kTooOld:
      head_.metrics.too_old_floats.Add();
      break;
    default:
      break;
  }
  return error;
}

void HeadAppender::Keep(SeriesSlot slot, const MemSeries& series, TimestampMs t, double v) {
  samples_.push_back({series.wal_ref, t, v});
  slots_.push_back(slot);
  // Not the creator alone writes the record: its commit may come after this one, or never.
  if (!series.in_wal && (not_in_wal_.empty() || not_in_wal_.back() != slot)) {
    not_in_wal_.push_back(slot);
  }
}

AppendError HeadAppender::AddKnown(SeriesRef ref, TimestampMs t, double v) {
  const SeriesSlot slot = HeadState::SlotOf(ref);
  if (slot == 0 || slot >= head_.index.end()) return AppendError::kUnknownSeries;
  MemSeries& series = head_.index.At(slot);
  SeriesLock lock(series);
  if (series.generation != HeadState::GenerationOf(ref) || series.wal_ref == 0) {
    return AppendError::kUnknownSeries;
  }
  if (const auto error = Check(series, t, v); error != AppendError::kNone) return error;
  ++series.pending;
  Keep(slot, series, t, v);
  return AppendError::kNone;
}

AppendError HeadAppender::AddNew(SeriesRef& ref, const model::Labels& labels, TimestampMs t,
                                 double v) {
  if (labels.empty() || NamesRepeat(labels)) return AppendError::kInvalidLabels;
  const auto [slot, created] = head_.index.GetOrCreate(labels);  // One pending sample more.
  if (created) head_.metrics.series_created.Add();
  MemSeries& series = head_.index.At(slot);
  SeriesLock lock(series);
  ref = HeadState::RefOf(slot, series);
  const auto error = Check(series, t, v);
  if (error != AppendError::kNone) {
    --series.pending;
    return error;
  }
  Keep(slot, series, t, v);
  return AppendError::kNone;
}

AppendError HeadAppender::Append(SeriesRef& ref, const model::Labels& labels, TimestampMs t,
                                 double value) {
  if (OutOfBounds(t)) return Count(AppendError::kOutOfBounds);
  if (ref != SeriesRef{0}) {
    const auto error = AddKnown(ref, t, value);
    if (error != AppendError::kUnknownSeries || labels.empty()) return Count(error);
  } else if (labels.empty()) {
    return AppendError::kInvalidLabels;
  }
  return Count(AddNew(ref, labels, t, value));
}

void HeadAppender::AppendColumn(std::span<const SeriesRef> refs, TimestampMs t,
                                std::span<const double> values, std::span<AppendError> outcomes) {
  if (OutOfBounds(t)) {
    std::fill(outcomes.begin(), outcomes.end(), AppendError::kOutOfBounds);
    head_.metrics.out_of_bound_floats.Add(refs.size());
    return;
  }
  samples_.reserve(samples_.size() + refs.size());
  slots_.reserve(slots_.size() + refs.size());
  const SeriesSlot end = head_.index.end();
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (i + kPrefetchAhead < refs.size()) {
      const SeriesSlot ahead = HeadState::SlotOf(refs[i + kPrefetchAhead]);
      if (ahead < end) Prefetch(head_.index.At(ahead));
    }
    outcomes[i] = AddKnown(refs[i], t, values[i]);
    if (outcomes[i] != AppendError::kNone) Count(outcomes[i]);
  }
}

AppendError HeadAppender::AppendExemplar(SeriesRef ref, const model::Labels&,
                                         const model::Exemplar& exemplar) {
  if (!head_.exemplars.enabled()) return AppendError::kExemplarsDisabled;
  const SeriesSlot slot = HeadState::SlotOf(ref);
  if (slot == 0 || slot >= head_.index.end()) return AppendError::kUnknownSeries;
  MemSeries& series = head_.index.At(slot);
  {
    SeriesLock lock(series);
    if (series.generation != HeadState::GenerationOf(ref) || series.wal_ref == 0) {
      return AppendError::kUnknownSeries;
    }
    ++series.pending;
  }
  const auto error = head_.exemplars.Check(head_.index.LabelsOf(slot), exemplar);
  if (error != AppendError::kNone) {
    SeriesLock lock(series);
    --series.pending;
    return error;
  }
  exemplars_.push_back({slot, exemplar});
  return AppendError::kNone;
}

void HeadAppender::UpdateMetadata(SeriesRef, const model::Labels&, const model::Metadata&) {
  // Prometheus keeps metadata in the scrape cache and writes it to the WAL only with a feature.
}

void HeadAppender::EncodeRecords() {
  records_.resize(3);
  for (auto& record : records_) record.clear();
  if (!not_in_wal_.empty()) {
    wal::BeginSeries(records_[0]);
    for (const SeriesSlot slot : not_in_wal_) {
      wal::AppendSeries(head_.index.At(slot).wal_ref, head_.index.LabelsOf(slot), records_[0]);
    }
  }
  wal::EncodeSamples(samples_, records_[1]);
  if (!exemplars_.empty()) {
    std::vector<wal::ExemplarEntry> entries;
    for (const auto& [slot, exemplar] : exemplars_) {
      entries.push_back({head_.index.At(slot).wal_ref, exemplar});
    }
    wal::EncodeExemplars(entries, records_[2]);
  }
}

Status HeadAppender::Commit() {
  if (finished_) return Fail(Code::kInternal, "appender closed");
  if (samples_.empty() && exemplars_.empty()) {
    Finish();
    return {};
  }
  EncodeRecords();
  if (auto status = head_.wal->Log(records_); !status) {
    Rollback();
    return status;
  }
  Publish();
  Finish();
  if (committed_) committed_();
  return {};
}

void HeadAppender::Publish() {
  for (const SeriesSlot slot : not_in_wal_) {
    SeriesLock lock(head_.index.At(slot));
    head_.index.At(slot).in_wal = true;
  }
  const auto commit = head_.isolation.BeginCommit();
  TimestampMs mint = model::kMaxTime;
  TimestampMs maxt = model::kMinTime;
  std::uint64_t appended = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t chunks_created = 0;
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    if (i + 2 * kPrefetchAhead < slots_.size()) {
      Prefetch(head_.index.At(slots_[i + 2 * kPrefetchAhead]));
    }
    if (i + kPrefetchAhead < slots_.size()) {
      head_.chunks.Prefetch(head_.index.At(slots_[i + kPrefetchAhead]));
    }
    const TimestampMs t = samples_[i].t;
    MemSeries& series = head_.index.At(slots_[i]);
    SeriesLock lock(series);
    --series.pending;
    if (series.has_samples() && t <= series.xor_state.t) {
      out_of_order += t < series.xor_state.t;
      continue;
    }
    head_.isolation.Mark(series, slots_[i], commit, t);
    const bool had_chunk = series.chunk != 0;
    const bool cut = head_.chunks.AppendFloat(series, t, samples_[i].v);
    if (cut) full_.push_back(slots_[i]);
    chunks_created += !had_chunk || cut;
    mint = std::min(mint, t);
    maxt = std::max(maxt, t);
    ++appended;
  }
  if (appended > 0) head_.WidenTimes(mint, maxt);
  head_.isolation.EndCommit(commit);
  head_.metrics.float_samples.Add(appended);
  head_.metrics.chunks_created.Add(chunks_created);
  if (out_of_order > 0) head_.metrics.out_of_order_floats.Add(out_of_order);
  for (const auto& [slot, exemplar] : exemplars_) {
    (void)head_.exemplars.Add(head_.index.LabelsOf(slot), exemplar);
    SeriesLock lock(head_.index.At(slot));
    --head_.index.At(slot).pending;
  }
  head_.AddFull(full_);
}

void HeadAppender::Unpin() {
  for (const SeriesSlot slot : slots_) {
    SeriesLock lock(head_.index.At(slot));
    --head_.index.At(slot).pending;
  }
  for (const auto& pending : exemplars_) {
    SeriesLock lock(head_.index.At(pending.slot));
    --head_.index.At(pending.slot).pending;
  }
}

void HeadAppender::Rollback() noexcept {
  if (finished_) return;
  Unpin();
  Finish();
}

void HeadAppender::Finish() {
  finished_ = true;
  samples_.clear();
  slots_.clear();
  exemplars_.clear();
  if (place_) head_.appenders.Remove(*place_);
  head_.metrics.active_appenders.Add(-1);
}

AppendError HeadAppender::AppendHistogram(SeriesRef&, const model::Labels&, TimestampMs,
                                          const model::Histogram&) {
  return AppendError::kInvalidHistogram;
}

AppendError HeadAppender::AppendFloatHistogram(SeriesRef&, const model::Labels&, TimestampMs,
                                               const model::FloatHistogram&) {
  return AppendError::kInvalidHistogram;
}

}  // namespace narthex::tsdb
