// SPDX-License-Identifier: Apache-2.0
#include "tsdb/agent/agent_appender.h"

#include <algorithm>
#include <type_traits>

#include "narthex/model/float_histogram.h"
#include "narthex/tsdb/histogram_check.h"
#include "tsdb/head/append_check.h"

namespace narthex::tsdb {

using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

namespace {

constexpr std::size_t kPrefetchAhead = 8;  // The series of a scrape are anywhere in memory.

}  // namespace

AgentAppender::AgentAppender(AgentState& state)
    : state_(state), window_(state.options.out_of_order_window_ms) {}

AgentAppender::~AgentAppender() { Rollback(); }

// As Prometheus: those of one commit are not held against each other.
AppendError AgentAppender::CheckTime(const AgentSeries& series, TimestampMs t) const {
  return t > model::Minus(series.last_t, window_) ? AppendError::kNone : AppendError::kOutOfOrder;
}

AppendError AgentAppender::Count(AppendError error) {
  if (error == AppendError::kOutOfOrder) state_.metrics.out_of_order.Add();
  return error;
}

std::string AgentAppender::RefusalText(AppendError error) const {
  if (error == AppendError::kInvalidHistogram) return invalid_histogram_;
  return std::string(AppendErrorText(error));
}

bool AgentAppender::Pin(SeriesRef ref, SeriesSlot& slot) {
  slot = AgentIndex::SlotOf(ref);
  if (slot == 0 || slot >= state_.index.end()) return false;
  AgentSeries& series = state_.index.At(slot);
  const SeriesLock lock(series.locked);
  if (series.generation != AgentIndex::GenerationOf(ref) || series.ref == 0) return false;
  ++series.pending;
  return true;
}

AppendError AgentAppender::PinOrCreate(SeriesRef& ref, const model::Labels& labels,
                                       SeriesSlot& slot) {
  if (Pin(ref, slot)) return AppendError::kNone;
  if (labels.empty()) {
    return ref == SeriesRef{0} ? AppendError::kInvalidLabels : AppendError::kUnknownSeries;
  }
  if (NamesRepeat(labels)) return AppendError::kInvalidLabels;
  const auto found = state_.index.GetOrCreate(labels);
  if (found.created) state_.metrics.active_series.Add(1);
  slot = found.slot;
  ref = AgentIndex::RefOf(slot, state_.index.At(slot));
  return AppendError::kNone;
}

void AgentAppender::NoteUnlogged(SeriesSlot slot, const AgentSeries& series) {
  // Not the creator alone writes the record: its commit may come after this one, or never.
  if (!series.in_wal && (not_in_wal_.empty() || not_in_wal_.back() != slot)) {
    not_in_wal_.push_back(slot);
  }
}

[[gnu::always_inline]] inline void AgentAppender::Keep(SeriesSlot slot, const AgentSeries& series,
                                                       TimestampMs t, double v, TimestampMs start) {
  starts_.Append(samples_.size(), start);
  samples_.push_back({series.ref, t, v});
  slots_.push_back(slot);
  NoteUnlogged(slot, series);
}

[[gnu::always_inline]] inline AppendError AgentAppender::AddTo(AgentSeries& series, SeriesRef ref,
                                                               TimestampMs t, double v,
                                                               TimestampMs start) {
  const SeriesLock lock(series.locked);
  if (series.generation != AgentIndex::GenerationOf(ref) || series.ref == 0) {
    return AppendError::kUnknownSeries;
  }
  if (const auto error = CheckTime(series, t); error != AppendError::kNone) return error;
  Keep(AgentIndex::SlotOf(ref), series, t, v, start);
  ++series.pending;
  return AppendError::kNone;
}

template <typename StartOf>
void AgentAppender::AddColumn(std::span<const SeriesRef> refs, TimestampMs t,
                              std::span<const double> values, std::span<AppendError> outcomes,
                              StartOf&& start_of) {
  samples_.Reserve(refs.size());
  slots_.Reserve(refs.size());
  const SeriesSlot end = state_.index.end();
  AgentSeries* const all = &state_.index.At(0);
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (i + kPrefetchAhead < refs.size()) {
      const SeriesSlot ahead = AgentIndex::SlotOf(refs[i + kPrefetchAhead]);
      if (ahead < end) __builtin_prefetch(&all[ahead], 1);
    }
    const SeriesSlot slot = AgentIndex::SlotOf(refs[i]);
    // Slot 0 is past the end here.
    outcomes[i] = slot - 1 < end - 1 ? AddTo(all[slot], refs[i], t, values[i], start_of(i))
                                     : AppendError::kUnknownSeries;
    if (outcomes[i] != AppendError::kNone) [[unlikely]]
      Count(outcomes[i]);
  }
}

void AgentAppender::AppendColumn(std::span<const SeriesRef> refs, TimestampMs t,
                                 std::span<const double> values, std::span<AppendError> outcomes) {
  AddColumn(refs, t, values, outcomes, [](std::size_t) { return TimestampMs{0}; });
}

void AgentAppender::AppendStartedColumn(std::span<const SeriesRef> refs, TimestampMs t,
                                        std::span<const double> values,
                                        std::span<const TimestampMs> starts,
                                        std::span<AppendError> outcomes) {
  if (!state_.options.start_times) return AppendColumn(refs, t, values, outcomes);
  AddColumn(refs, t, values, outcomes, [starts](std::size_t i) { return starts[i]; });
}

template <typename Check, typename Fn>
AppendError AgentAppender::AddAlone(SeriesRef& ref, const model::Labels& labels, Check&& check,
                                    Fn&& keep) {
  SeriesSlot slot = 0;
  if (const auto error = PinOrCreate(ref, labels, slot); error != AppendError::kNone) return error;
  AgentSeries& series = state_.index.At(slot);
  const SeriesLock lock(series.locked);
  const AppendError error = check(series);
  if (error == AppendError::kNone) {
    keep(slot, series);
  } else {
    --series.pending;
  }
  return error;
}

AppendError AgentAppender::Append(SeriesRef& ref, const model::Labels& labels, TimestampMs t,
                                  double value) {
  return Count(AddAlone(
      ref, labels, [&](const AgentSeries& series) { return CheckTime(series, t); },
      [&](SeriesSlot slot, const AgentSeries& series) { Keep(slot, series, t, value, start_); }));
}

template <typename H>
void AgentAppender::KeepHistogram(SeriesSlot slot, const AgentSeries& series, TimestampMs t,
                                  const H& h, TimestampMs start) {
  if constexpr (std::is_same_v<H, model::Histogram>) {
    histograms_.entries.push_back({series.ref, t, h, start});
    histograms_.slots.push_back(slot);
  } else {
    float_histograms_.entries.push_back({series.ref, t, h, start});
    float_histograms_.slots.push_back(slot);
  }
  NoteUnlogged(slot, series);
}

template <typename H>
AppendError AgentAppender::CheckHistogram(const H& h) {
  std::string problem = ProblemOf(h);
  if (problem.empty()) return AppendError::kNone;
  invalid_histogram_ = std::move(problem);
  return AppendError::kInvalidHistogram;
}

template <typename H>
AppendError AgentAppender::AddHistogram(SeriesRef& ref, const model::Labels& labels, TimestampMs t,
                                        const H& h) {
  if (const auto error = CheckHistogram(h); error != AppendError::kNone) return error;
  return Count(AddAlone(
      ref, labels, [&](const AgentSeries& series) { return CheckTime(series, t); },
      [&](SeriesSlot slot, const AgentSeries& series) {
        KeepHistogram(slot, series, t, h, start_);
      }));
}

AppendError AgentAppender::AppendHistogram(SeriesRef& ref, const model::Labels& labels,
                                           TimestampMs t, const model::Histogram& h) {
  return AddHistogram(ref, labels, t, h);
}

AppendError AgentAppender::AppendFloatHistogram(SeriesRef& ref, const model::Labels& labels,
                                                TimestampMs t, const model::FloatHistogram& h) {
  return AddHistogram(ref, labels, t, h);
}

// Nothing is counted: a long-lived series comes with the same start again and again.
template <typename Fn>
AppendError AgentAppender::AddStart(SeriesRef& ref, const model::Labels& labels, TimestampMs t,
                                    TimestampMs start, Fn&& keep) {
  if (start >= t) return AppendError::kStartNotOlder;
  return AddAlone(
      ref, labels,
      [start](const AgentSeries& series) {
        return start > series.last_t ? AppendError::kNone : AppendError::kOutOfOrder;
      },
      keep);
}

AppendError AgentAppender::AppendStartZero(SeriesRef& ref, const model::Labels& labels,
                                           TimestampMs t, TimestampMs start) {
  return AddStart(ref, labels, t, start, [&](SeriesSlot slot, const AgentSeries& series) {
    Keep(slot, series, start, 0, 0);
  });
}

template <typename H>
AppendError AgentAppender::AddHistogramStart(SeriesRef& ref, const model::Labels& labels,
                                             TimestampMs t, TimestampMs start, const H& like) {
  if (const auto error = CheckHistogram(like); error != AppendError::kNone) return error;
  H zero;
  zero.counter_reset_hint = model::CounterResetHint::kReset;
  zero.schema = like.schema;
  zero.zero_threshold = like.zero_threshold;
  zero.custom_values = like.custom_values;
  return AddStart(ref, labels, t, start, [&](SeriesSlot slot, const AgentSeries& series) {
    KeepHistogram(slot, series, start, zero, 0);
  });
}

AppendError AgentAppender::AppendStartZero(SeriesRef& ref, const model::Labels& labels,
                                           TimestampMs t, TimestampMs start,
                                           const model::Histogram& like) {
  return AddHistogramStart(ref, labels, t, start, like);
}

AppendError AgentAppender::AppendStartZero(SeriesRef& ref, const model::Labels& labels,
                                           TimestampMs t, TimestampMs start,
                                           const model::FloatHistogram& like) {
  return AddHistogramStart(ref, labels, t, start, like);
}

bool AgentAppender::RepeatsPending(SeriesSlot slot, const model::Exemplar& exemplar) const {
  // Those of a series come together.
  return !exemplars_.empty() && exemplars_.back().slot == slot &&
         RepeatsExemplar(exemplars_.back().exemplar, exemplar);
}

AppendError AgentAppender::AppendExemplar(SeriesRef ref, const model::Labels& labels,
                                          const model::Exemplar& exemplar) {
  if (NamesRepeat(exemplar.labels)) return AppendError::kInvalidLabels;
  if (ExemplarIsTooLong(exemplar.labels)) return AppendError::kExemplarTooLong;
  SeriesSlot slot = 0;
  if (!Pin(ref, slot) && (slot = state_.index.Find(labels)) == 0) {
    return AppendError::kUnknownSeries;
  }
  AgentSeries& series = state_.index.At(slot);
  const bool repeats =
      RepeatsPending(slot, exemplar) || state_.exemplars.Repeats(series.ref, exemplar);
  const SeriesLock lock(series.locked);
  if (repeats) {
    --series.pending;
    return AppendError::kNone;
  }
  exemplars_.push_back({slot, exemplar});
  NoteUnlogged(slot, series);  // Its sample may have been refused.
  return AppendError::kNone;
}

bool AgentAppender::empty() const {
  return slots_.empty() && histograms_.slots.empty() && float_histograms_.slots.empty() &&
         exemplars_.empty();
}

// In the order in which Prometheus writes the kinds; records of kinds that are missing are empty.
void AgentAppender::EncodeRecords() {
  records_.clear();
  if (!not_in_wal_.empty()) {
    std::string& series = records_.emplace_back();
    wal::BeginSeries(series);
    for (const SeriesSlot slot : not_in_wal_) {
      wal::AppendSeries(state_.index.At(slot).ref, state_.index.LabelsOf(slot), series);
    }
  }
  if (state_.options.start_times) {
    wal::EncodeStartedSamples(samples_, starts_, records_.emplace_back());
  } else {
    wal::EncodeSampleRuns(samples_, records_);
  }
  EncodeHistograms();
  if (exemplars_.empty()) return;
  std::vector<wal::ExemplarEntry> entries;
  entries.reserve(exemplars_.size());
  for (const auto& [slot, exemplar] : exemplars_) {
    entries.push_back({state_.index.At(slot).ref, exemplar});
  }
  wal::EncodeExemplars(entries, records_.emplace_back());
}

void AgentAppender::EncodeHistograms() {
  if (state_.options.start_times) {
    wal::EncodeStartedHistograms(histograms_.entries, records_.emplace_back());
    wal::EncodeStartedFloatHistograms(float_histograms_.entries, records_.emplace_back());
    return;
  }
  const auto encode_both = [this](auto encode, const auto& entries) {
    if (entries.empty()) return;
    const std::size_t first = records_.size();
    records_.resize(first + 2);
    encode(entries, records_[first], records_[first + 1]);
  };
  encode_both(wal::EncodeHistograms, histograms_.entries);
  encode_both(wal::EncodeFloatHistograms, float_histograms_.entries);
}

Status AgentAppender::Commit() {
  if (finished_) return Fail(Code::kInternal, "appender closed");
  if (empty()) {
    finished_ = true;
    return {};
  }
  EncodeRecords();
  if (auto status = state_.wal->Log(records_); !status) {
    Rollback();
    return status;
  }
  Publish();
  finished_ = true;
  return {};
}

void AgentAppender::PublishTime(SeriesSlot slot, TimestampMs t, Published& published) {
  published.max_time = std::max(published.max_time, t);
  AgentSeries& series = state_.index.At(slot);
  const SeriesLock lock(series.locked);
  --series.pending;
  if (t >= series.last_t) {
    series.last_t = t;
  } else {
    ++published.late;
  }
}

void AgentAppender::Publish() {
  for (const SeriesSlot slot : not_in_wal_) {
    AgentSeries& series = state_.index.At(slot);
    const SeriesLock lock(series.locked);
    series.in_wal = true;
  }
  Published published;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (i + kPrefetchAhead < slots_.size()) {
      __builtin_prefetch(&state_.index.At(slots_[i + kPrefetchAhead]), 1);
    }
    PublishTime(slots_[i], samples_[i].t, published);
  }
  for (std::size_t i = 0; i < histograms_.slots.size(); ++i) {
    PublishTime(histograms_.slots[i], histograms_.entries[i].t, published);
  }
  for (std::size_t i = 0; i < float_histograms_.slots.size(); ++i) {
    PublishTime(float_histograms_.slots[i], float_histograms_.entries[i].t, published);
  }
  for (const auto& [slot, exemplar] : exemplars_) {
    AgentSeries& series = state_.index.At(slot);
    state_.exemplars.Set(series.ref, exemplar);
    const SeriesLock lock(series.locked);
    --series.pending;
  }
  state_.metrics.floats.Add(slots_.size());
  state_.metrics.histograms.Add(histograms_.slots.size() + float_histograms_.slots.size());
  state_.metrics.exemplars.Add(exemplars_.size());
  state_.metrics.out_of_order.Add(published.late);
  TimestampMs known = state_.max_time.load();
  while (known < published.max_time &&
         !state_.max_time.compare_exchange_weak(known, published.max_time)) {
  }
}

template <typename Fn>
void AgentAppender::ForEachPinned(Fn&& fn) const {
  std::for_each(slots_.begin(), slots_.end(), fn);
  std::for_each(histograms_.slots.begin(), histograms_.slots.end(), fn);
  std::for_each(float_histograms_.slots.begin(), float_histograms_.slots.end(), fn);
  for (const auto& pending : exemplars_) fn(pending.slot);
}

void AgentAppender::Rollback() noexcept {
  if (finished_) return;
  ForEachPinned([this](SeriesSlot slot) {
    AgentSeries& series = state_.index.At(slot);
    const SeriesLock lock(series.locked);
    --series.pending;
  });
  finished_ = true;
}

}  // namespace narthex::tsdb
