// SPDX-License-Identifier: Apache-2.0
#include "tsdb/agent/truncation.h"

#include <algorithm>
#include <utility>

#include "narthex/base/log.h"
#include "tsdb/agent/memory_checkpoint.h"
#include "tsdb/head/ref_map.h"
#include "tsdb/head/stopwatch.h"
#include "tsdb/wal/checkpoint.h"

namespace narthex::tsdb {

using model::TimestampMs;

AgentOptions CheckedOptions(AgentOptions options) {
  const AgentOptions defaults;
  const auto positive = [](model::DurationMs& value, model::DurationMs otherwise) {
    if (value <= 0) value = otherwise;
  };
  positive(options.truncate_interval_ms, defaults.truncate_interval_ms);
  positive(options.min_keep_ms, defaults.min_keep_ms);
  positive(options.max_keep_ms, defaults.max_keep_ms);
  options.max_keep_ms =
      std::max({options.max_keep_ms, options.min_keep_ms, options.truncate_interval_ms});
  options.out_of_order_window_ms = std::max<model::DurationMs>(options.out_of_order_window_ms, 0);
  if (options.checkpoint_batch == 0) options.checkpoint_batch = defaults.checkpoint_batch;
  return options;
}

TimestampMs TruncationTime(const AgentOptions& options, TimestampMs lowest_sent, TimestampMs now) {
  lowest_sent = std::min(lowest_sent, now);
  const TimestampMs sent = std::max<TimestampMs>(model::Minus(lowest_sent, options.min_keep_ms), 0);
  return std::max(sent, model::Minus(now, options.max_keep_ms));
}

Truncation::Truncation(AgentState& state, ReplayedLog log)
    : state_(state), deleted_(std::move(log.deleted)), ages_(std::move(log.segments)) {
  CountDeleted();
}

void Truncation::CountDeleted() {
  std::size_t bytes = deleted_.capacity() * (sizeof(DeletedSeriesMap::value_type) + 1);
  for (const auto& [ref, series] : deleted_) bytes += series.labels.bytes().size();
  held_bytes_ = bytes;
  state_.metrics.deleted_series.Set(static_cast<double>(deleted_.size()));
}

// Their samples are in segments up to the present one, so their records are needed until all of
// those are gone; then nothing in the log is without its series.
void Truncation::RemoveSeries(TimestampMs mint) {
  const std::size_t removed = state_.index.RemoveIdle(mint, [&](SeriesSlot slot) {
    // Only now: a late sample may just have gone into a new one.
    const int last = state_.wal->current_segment();
    const AgentSeries& series = state_.index.At(slot);
    state_.exemplars.Remove(series.ref);
    if (!series.in_wal) return;
    deleted_[series.ref] = {last, state_.options.checkpoint_from_memory
                                      ? state_.index.LabelsOf(slot)
                                      : model::Labels()};
  });
  state_.metrics.active_series.Add(-static_cast<double>(removed));
  CountDeleted();
}

Status Truncation::WriteCheckpoint(int first, int last, TimestampMs mint) {
  if (state_.options.checkpoint_from_memory) return WriteMemoryCheckpoint(state_, deleted_, last);
  RefMap live;
  for (SeriesSlot slot = 1; slot < state_.index.end(); ++slot) {
    AgentSeries& series = state_.index.At(slot);
    const SeriesLock lock(series.locked);
    if (series.ref != 0) live.Set(series.ref, slot);
  }
  wal::CheckpointFilter filter;
  filter.mint = mint;
  filter.late_mint = mint;
  filter.start_times = state_.options.start_times;
  filter.stop = &state_.stopping;
  filter.keep = [&](wal::WalRef ref) {
    if (live.Get(ref) != 0) return true;
    const auto it = deleted_.find(ref);
    return it != deleted_.end() && it->second.last_segment > last;
  };
  NX_ASSIGN_OR_RETURN(
      const std::size_t passed_over,
      wal::WriteCheckpoint(state_.fs, state_.wal_dir, first, last, filter, state_.wal_options));
  state_.metrics.corruptions.Add(passed_over);
  return {};
}

void Truncation::Forget(int last) {
  absl::erase_if(deleted_, [last](const auto& entry) { return entry.second.last_segment <= last; });
  std::erase_if(ages_, [last](const SegmentAge& age) { return age.segment <= last; });
  CountDeleted();
}

// Prometheus takes the two thirds whatever was sent of them.
int Truncation::LastToGo(int first, int last, const SendingProgress& progress,
                         TimestampMs now) const {
  const int chosen = wal::LastToCheckpoint(first, last);
  if (!progress.first_unsent_segment) return chosen;
  int may_go = *progress.first_unsent_segment - 1;
  const TimestampMs too_old = model::Minus(now, state_.options.max_keep_ms);
  for (const SegmentAge& age : ages_) {
    if (age.newest >= too_old) break;
    may_go = std::max(may_go, age.segment);
  }
  const int bounded = std::min(chosen, may_go);
  return bounded > first ? bounded : -1;
}

Status Truncation::Run(const SendingProgress& progress, TimestampMs now) {
  const Stopwatch stopwatch;
  const TimestampMs mint = TruncationTime(state_.options, progress.lowest_sent, now);
  log::Debug("truncating the WAL", {{"ts", mint}});
  RemoveSeries(mint);
  NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(state_.fs, state_.wal_dir));
  // So that a log that is written slowly does not stay longer than it must.
  NX_RETURN_IF_ERROR(state_.wal->NextSegment());
  if (segments.empty()) return {};
  ages_.push_back({segments.back(), now});
  const int last = LastToGo(segments.front(), segments.back(), progress, now);
  if (last < 0) return {};
  state_.metrics.checkpoint_creations.Add();
  if (auto status = WriteCheckpoint(segments.front(), last, mint); !status) {
    state_.metrics.checkpoint_creations_failed.Add();
    if (status.error().code() == Code::kCorruption) state_.metrics.corruptions.Add();
    return Fail(std::move(status).error().Wrap("create checkpoint"));
  }
  state_.metrics.wal_truncations.Add();
  if (auto status = state_.wal->TruncateBefore(last + 1); !status) {
    // The checkpoint covers them; the next truncation tries again.
    state_.metrics.wal_truncations_failed.Add();
    log::Error("truncating segments failed", {{"err", status.error().message()}});
  }
  Forget(last);
  state_.metrics.checkpoint_deletions.Add();
  if (auto status = wal::RemoveCheckpointsBefore(state_.fs, state_.wal_dir, last); !status) {
    state_.metrics.checkpoint_deletions_failed.Add();
    log::Error("delete old checkpoints", {{"err", status.error().message()}});
  }
  state_.metrics.truncate_seconds.Observe(stopwatch.seconds());
  log::Info("WAL checkpoint complete", {{"first", segments.front()}, {"last", last}});
  return {};
}

}  // namespace narthex::tsdb
