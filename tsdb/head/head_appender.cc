// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/head_appender.h"

#include <algorithm>
#include <bit>

#include "narthex/model/sample.h"
#include "tsdb/head/append_check.h"

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

}  // namespace

HeadAppender::HeadAppender(HeadState& head, const std::function<void()>& committed)
    : head_(head), committed_(committed), keeps_starts_(head.keeps_starts()) {
  head_.metrics.active_appenders.Add(1);
  head_.metrics.appenders_created.Add();
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
                        model::Minus(head_max_time_, head_.options.limits.chunk_range_ms / 2));
  window_ = head_.out_of_order_window_ms.load();
  head_.appenders.Update(*place_, min_valid_);
}

bool HeadAppender::OutOfBounds(TimestampMs t) {
  if (!place_) Begin(t);
  return t < min_valid_ && window_ == 0;
}

AppendError HeadAppender::CheckLate(TimestampMs t) const {
  if (window_ == 0) return t < min_valid_ ? AppendError::kOutOfBounds : AppendError::kOutOfOrder;
  return t >= model::Minus(head_max_time_, window_) ? AppendError::kNone : AppendError::kTooOld;
}

AppendError HeadAppender::CheckTime(const MemSeries& series, TimestampMs t) {
  if (InOrder(series, t)) return AppendError::kNone;
  if (t < head_max_time_) {
    head_.metrics.late_seconds.Observe(static_cast<double>(head_max_time_ - t) / 1000);
  }
  const auto error = CheckLate(t);
  return error == AppendError::kNone && discard_out_of_order_ ? AppendError::kOutOfOrder : error;
}

AppendError HeadAppender::Check(const MemSeries& series, TimestampMs t, double v) {
  if (t >= min_valid_ && series.has_samples() && t == series.xor_state.t) {
    // After a restart the value may be in a full chunk only; then the commit drops the sample.
    if (!series.has_open_chunk()) return AppendError::kNone;
    const bool same = series.chunk != 0 && std::bit_cast<std::uint64_t>(series.xor_state.v) ==
                                               std::bit_cast<std::uint64_t>(v);
    if (same) return AppendError::kNone;
    duplicate_ = {t, series.xor_state.v, v, series.chunk == 0};
    return AppendError::kDuplicate;
  }
  return CheckTime(series, t);
}

std::string HeadAppender::RefusalText(AppendError error) const {
  if (error == AppendError::kDuplicate && duplicate_) return DuplicateSampleText(*duplicate_);
  if (error == AppendError::kInvalidHistogram) return invalid_histogram_;
  return std::string(AppendErrorText(error));
}

bool HeadAppender::TakesLate(const MemSeries& series, TimestampMs t, bool histogram) {
  // The same time again: when it was kept it was an equal sample, or it lost against another one.
  if (t >= min_valid_ && series.has_samples() && t == series.xor_state.t) return false;
  const auto error = CheckLate(t);
  if (error == AppendError::kNone) return true;
  if (histogram) {
    CountHistogram(error);
  } else {
    Count(error);
  }
  return false;
}

AppendError HeadAppender::Count(AppendError error) {
  switch (error) {
    case AppendError::kOutOfOrder:
      if (window_ == 0) head_.metrics.out_of_order_floats.Add();
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

void HeadAppender::NoteUnlogged(SeriesSlot slot, const MemSeries& series) {
  // Not the creator alone writes the record: its commit may come after this one, or never.
  if (!series.in_wal && (not_in_wal_.empty() || not_in_wal_.back() != slot)) {
    not_in_wal_.push_back(slot);
  }
}

[[gnu::always_inline]] inline void HeadAppender::KeepCommon(SeriesSlot slot,
                                                            const MemSeries& series, TimestampMs t,
                                                            double v, TimestampMs start) {
  batch_.starts.Append(batch_.samples.size(), start);
  batch_.samples.push_back({series.wal_ref, t, v});
  batch_.slots.push_back(slot);
}

AppendError HeadAppender::Keep(SeriesSlot slot, const MemSeries& series, TimestampMs t, double v,
                               TimestampMs start, std::uint32_t own) {
  if (model::IsStale(v) && series.has_samples() && !IsFloatEncoding(series.encoding)) [[unlikely]] {
    return KeepStaleHistogram(slot, series, t, start, own);
  }
  if (const auto error = Check(series, t, v); error != AppendError::kNone) return error;
  if (!histogram_kinds_.empty() && histogram_kinds_.contains(slot)) [[unlikely]] {
    EndBatch();
  }
  KeepCommon(slot, series, t, v, start);
  NoteUnlogged(slot, series);
  return AppendError::kNone;
}

bool HeadAppender::Pin(SeriesRef ref, SeriesSlot& slot) {
  slot = HeadState::SlotOf(ref);
  if (slot == 0 || slot >= head_.index.end()) return false;
  MemSeries& series = head_.index.At(slot);
  SeriesLock lock(series);
  if (series.generation != HeadState::GenerationOf(ref) || series.wal_ref == 0) return false;
  ++series.pending;
  return true;
}

AppendError HeadAppender::PinNew(SeriesRef& ref, const model::Labels& labels, SeriesSlot& slot) {
  if (labels.empty() || NamesRepeat(labels)) return AppendError::kInvalidLabels;
  const auto found = head_.index.GetOrCreate(labels);
  if (found.created) head_.metrics.series_created.Add();
  slot = found.slot;
  ref = HeadState::RefOf(slot, head_.index.At(slot));
  return AppendError::kNone;
}

AppendError HeadAppender::AddKnown(SeriesRef ref, TimestampMs t, double v, TimestampMs start) {
  const SeriesSlot slot = HeadState::SlotOf(ref);
  if (slot == 0 || slot >= head_.index.end()) return AppendError::kUnknownSeries;
  return AddTo(head_.index.At(slot), ref, t, v, start);
}

[[gnu::always_inline]] inline AppendError HeadAppender::AddTo(MemSeries& series, SeriesRef ref,
                                                              TimestampMs t, double v,
                                                              TimestampMs start) {
  SeriesLock lock(series);
  if (series.generation != HeadState::GenerationOf(ref) || series.wal_ref == 0) {
    return AppendError::kUnknownSeries;
  }
  // The next sample of a series of floats, with nothing special about either.
  const bool common = series.chunk != 0 && series.in_wal && t > series.xor_state.t &&
                      t >= min_valid_ && histogram_kinds_.empty();
  if (common) [[likely]] {
    KeepCommon(HeadState::SlotOf(ref), series, t, v, start);
    ++series.pending;
    return AppendError::kNone;
  }
  const auto error = Keep(HeadState::SlotOf(ref), series, t, v, start, 0);
  series.pending += error == AppendError::kNone;
  return error;
}

AppendError HeadAppender::PinOrCreate(SeriesRef& ref, const model::Labels& labels,
                                      SeriesSlot& slot) {
  if (Pin(ref, slot)) return AppendError::kNone;
  if (!labels.empty()) return PinNew(ref, labels, slot);
  return ref == SeriesRef{0} ? AppendError::kInvalidLabels : AppendError::kUnknownSeries;
}

AppendError HeadAppender::AddNew(SeriesRef& ref, const model::Labels& labels, TimestampMs t,
                                 double v) {
  SeriesSlot slot = 0;
  if (const auto error = PinNew(ref, labels, slot); error != AppendError::kNone) return error;
  MemSeries& series = head_.index.At(slot);
  SeriesLock lock(series);
  const auto error = Keep(slot, series, t, v, start_, 1);
  series.pending -= error != AppendError::kNone;
  return error;
}

AppendError HeadAppender::Append(SeriesRef& ref, const model::Labels& labels, TimestampMs t,
                                 double value) {
  if (OutOfBounds(t)) return Count(AppendError::kOutOfBounds);
  if (ref != SeriesRef{0}) {
    const auto error = AddKnown(ref, t, value, start_);
    if (error != AppendError::kUnknownSeries || labels.empty()) return Count(error);
  } else if (labels.empty()) {
    return AppendError::kInvalidLabels;
  }
  return Count(AddNew(ref, labels, t, value));
}

template <typename StartOf>
void HeadAppender::AddColumn(std::span<const SeriesRef> refs, TimestampMs t,
                             std::span<const double> values, std::span<AppendError> outcomes,
                             StartOf&& start_of) {
  if (OutOfBounds(t)) {
    std::fill(outcomes.begin(), outcomes.end(), AppendError::kOutOfBounds);
    head_.metrics.out_of_bound_floats.Add(refs.size());
    return;
  }
  batch_.samples.Reserve(refs.size());
  batch_.slots.Reserve(refs.size());
  const SeriesSlot end = head_.index.end();
  MemSeries* const all = &head_.index.At(0);
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (i + kPrefetchAhead < refs.size()) {
      const SeriesSlot ahead = HeadState::SlotOf(refs[i + kPrefetchAhead]);
      if (ahead < end) Prefetch(all[ahead]);
    }
    const SeriesSlot slot = HeadState::SlotOf(refs[i]);
    if (slot - 1 < end - 1) [[likely]] {
      outcomes[i] = AddTo(all[slot], refs[i], t, values[i], start_of(i));
    } else {
      outcomes[i] = AppendError::kUnknownSeries;
    }
    if (outcomes[i] != AppendError::kNone) [[unlikely]]
      Count(outcomes[i]);
  }
}

void HeadAppender::AppendColumn(std::span<const SeriesRef> refs, TimestampMs t,
                                std::span<const double> values, std::span<AppendError> outcomes) {
  AddColumn(refs, t, values, outcomes, [](std::size_t) { return TimestampMs{0}; });
}

void HeadAppender::AppendStartedColumn(std::span<const SeriesRef> refs, TimestampMs t,
                                       std::span<const double> values,
                                       std::span<const TimestampMs> starts,
                                       std::span<AppendError> outcomes) {
  if (!keeps_starts_) return AppendColumn(refs, t, values, outcomes);
  AddColumn(refs, t, values, outcomes, [starts](std::size_t i) { return starts[i]; });
}

AppendError HeadAppender::AppendExemplar(SeriesRef ref, const model::Labels& labels,
                                         const model::Exemplar& exemplar) {
  if (!head_.exemplars.enabled()) return AppendError::kExemplarsDisabled;
  SeriesSlot slot = 0;
  if (!Pin(ref, slot) && (slot = head_.index.Find(labels)) == 0) {
    return AppendError::kUnknownSeries;
  }
  const auto error = head_.exemplars.Check(head_.index.LabelsOf(slot), exemplar,
                                           head_.out_of_order_window_ms.load());
  MemSeries& series = head_.index.At(slot);
  SeriesLock lock(series);
  if (error != AppendError::kNone) {
    --series.pending;
    return error;
  }
  exemplars_.push_back({slot, exemplar});
  NoteUnlogged(slot, series);  // Its sample may have been refused.
  return AppendError::kNone;
}

void HeadAppender::UpdateMetadata(SeriesRef ref, const model::Labels&,
                                  const model::Metadata& metadata) {
  // Prometheus keeps metadata in the scrape cache and writes it to the WAL only with a feature.
  SeriesSlot slot = 0;
  if (!head_.metadata.enabled() || !Pin(ref, slot)) return;
  MemSeries& series = head_.index.At(slot);
  SeriesLock lock(series);
  if (head_.metadata.Has(series.wal_ref, metadata)) {
    --series.pending;
    return;
  }
  metadata_.entries.push_back({series.wal_ref, metadata});
  metadata_.slots.push_back(slot);
  NoteUnlogged(slot, series);
}

void HeadAppender::EndBatch() {
  ended_.push_back(std::move(batch_));
  batch_ = Batch();
  histogram_kinds_.clear();
}

void HeadAppender::EncodeRecords() {
  records_.clear();
  if (!not_in_wal_.empty()) {
    auto& series = records_.emplace_back();
    wal::BeginSeries(series);
    for (const SeriesSlot slot : not_in_wal_) {
      wal::AppendSeries(head_.index.At(slot).wal_ref, head_.index.LabelsOf(slot), series);
    }
  }
  wal::EncodeMetadata(metadata_.entries, records_.emplace_back());
  for (const Batch& batch : ended_) EncodeBatch(batch);
  EncodeBatch(batch_);
  if (exemplars_.empty()) return;
  std::vector<wal::ExemplarEntry> entries;
  for (const auto& [slot, exemplar] : exemplars_) {
    entries.push_back({head_.index.At(slot).wal_ref, exemplar});
  }
  wal::EncodeExemplars(entries, records_.emplace_back());
}

// In the order in which Prometheus writes the kinds; records of kinds that are missing are empty.
void HeadAppender::EncodeBatch(const Batch& batch) {
  if (head_.options.start_times) {
    wal::EncodeStartedSamples(batch.samples, batch.starts, records_.emplace_back());
    wal::EncodeStartedHistograms(batch.ints.entries, records_.emplace_back());
    wal::EncodeStartedFloatHistograms(batch.floats.entries, records_.emplace_back());
    return;
  }
  wal::EncodeSampleRuns(batch.samples, records_);
  const auto encode_both = [this](auto encode, const auto& entries) {
    if (entries.empty()) return;
    const std::size_t first = records_.size();
    records_.resize(first + 2);
    encode(entries, records_[first], records_[first + 1]);
  };
  encode_both(wal::EncodeHistograms, batch.ints.entries);
  encode_both(wal::EncodeFloatHistograms, batch.floats.entries);
}

Status HeadAppender::Commit() {
  if (finished_) return Fail(Code::kInternal, "appender closed");
  if (ended_.empty() && batch_.empty() && exemplars_.empty() && metadata_.slots.empty()) {
    Finish();
    return {};
  }
  EncodeRecords();
  if (auto status = head_.wal->Log(records_); !status) {
    Rollback();
    return status;
  }
  Status status = Publish();
  Finish();
  if (committed_) committed_();
  return status;
}

Status HeadAppender::Publish() {
  for (const SeriesSlot slot : not_in_wal_) {
    SeriesLock lock(head_.index.At(slot));
    head_.index.At(slot).in_wal = true;
  }
  Published published;
  published.commit = head_.isolation.BeginCommit();
  for (Batch& batch : ended_) PublishBatch(batch, published);
  PublishBatch(batch_, published);
  if (published.samples + published.histograms > 0) {
    head_.WidenTimes(published.mint, published.maxt);
  }
  Status status = PublishLate(published);
  head_.isolation.EndCommit(published.commit);
  head_.metrics.float_samples.Add(published.samples);
  head_.metrics.histogram_samples.Add(published.histograms);
  head_.metrics.chunks_created.Add(published.chunks_created);
  PublishExemplars();
  PublishMetadata();
  head_.AddFull(full_);
  return status;
}

Status HeadAppender::PublishLate(Published& published) {
  if (late_.empty()) return {};
  OooHead::Inserted inserted;
  Status status = head_.ooo.Insert(late_, inserted);
  for (const auto& late : late_) {
    SeriesLock lock(head_.index.At(late.slot));
    --head_.index.At(late.slot).pending;
  }
  published.samples += inserted.floats;
  published.histograms += inserted.histograms;
  head_.metrics.appended_out_of_order_floats.Add(inserted.floats);
  head_.metrics.appended_out_of_order_histograms.Add(inserted.histograms);
  return status;
}

void HeadAppender::PublishBatch(Batch& batch, Published& published) {
  PublishSamples(batch, published);
  if (!batch.ints.slots.empty()) PublishHistograms<model::Histogram>(batch, published);
  if (!batch.floats.slots.empty()) PublishHistograms<model::FloatHistogram>(batch, published);
}

void HeadAppender::PublishSamples(const Batch& batch, Published& published) {
  const auto& slots = batch.slots;
  MemSeries* const all = &head_.index.At(0);
  const Isolation::Commit commit = published.commit;
  TimestampMs mint = published.mint;
  TimestampMs maxt = published.maxt;
  std::uint64_t samples = 0;
  std::uint64_t chunks_created = 0;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (i + 2 * kPrefetchAhead < slots.size()) Prefetch(all[slots[i + 2 * kPrefetchAhead]]);
    if (i + kPrefetchAhead < slots.size()) {
      head_.chunks.Prefetch(all[slots[i + kPrefetchAhead]]);
    }
    const auto [ref, t, v] = batch.samples[i];
    MemSeries& series = all[slots[i]];
    SeriesLock lock(series);
    if (!InOrder(series, t)) [[unlikely]] {
      if (TakesLate(series, t, false)) {
        late_.push_back({slots[i], OooSample::Of(t, v, batch.starts.At(i))});
      } else {
        --series.pending;
      }
      continue;
    }
    --series.pending;
    head_.isolation.Mark(series, slots[i], commit, t);
    const bool had_chunk = series.has_open_chunk();
    const bool cut = head_.chunks.AppendFloat(series, t, v, batch.starts.At(i));
    if (cut) full_.push_back(slots[i]);
    chunks_created += !had_chunk || cut;
    mint = std::min(mint, t);
    maxt = std::max(maxt, t);
    ++samples;
  }
  published.mint = mint;
  published.maxt = maxt;
  published.samples += samples;
  published.chunks_created += chunks_created;
}

void HeadAppender::PublishMetadata() {
  for (std::size_t i = 0; i < metadata_.slots.size(); ++i) {
    head_.metadata.Set(metadata_.entries[i].ref, metadata_.entries[i].metadata);
    SeriesLock lock(head_.index.At(metadata_.slots[i]));
    --head_.index.At(metadata_.slots[i]).pending;
  }
}

void HeadAppender::PublishExemplars() {
  for (const auto& [slot, exemplar] : exemplars_) {
    if (head_.exemplars.Add(head_.index.LabelsOf(slot), exemplar,
                            head_.out_of_order_window_ms.load()) != AppendError::kNone) {
      head_.metrics.out_of_order_exemplars.Add();
    } else {
      head_.metrics.exemplars.Add();
    }
    SeriesLock lock(head_.index.At(slot));
    --head_.index.At(slot).pending;
  }
}

void HeadAppender::Unpin() {
  const auto unpin = [this](SeriesSlot slot) {
    SeriesLock lock(head_.index.At(slot));
    --head_.index.At(slot).pending;
  };
  const auto unpin_batch = [&](const Batch& batch) {
    std::for_each(batch.slots.begin(), batch.slots.end(), unpin);
    std::for_each(batch.ints.slots.begin(), batch.ints.slots.end(), unpin);
    std::for_each(batch.floats.slots.begin(), batch.floats.slots.end(), unpin);
  };
  std::for_each(ended_.begin(), ended_.end(), unpin_batch);
  unpin_batch(batch_);
  for (const auto& pending : exemplars_) unpin(pending.slot);
  std::for_each(metadata_.slots.begin(), metadata_.slots.end(), unpin);
}

void HeadAppender::Rollback() noexcept {
  if (finished_) return;
  Unpin();
  Finish();
}

void HeadAppender::Finish() {
  finished_ = true;
  if (place_) head_.appenders.Remove(*place_);
  head_.metrics.active_appenders.Add(-1);
}

}  // namespace narthex::tsdb
