// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/head.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include "narthex/base/log.h"
#include "tsdb/head/head_appender.h"
#include "tsdb/head/head_block_source.h"
#include "tsdb/head/ooo_block_source.h"
#include "tsdb/head/snapshot.h"
#include "tsdb/head/stopwatch.h"
#include "tsdb/wal/checkpoint.h"

namespace narthex::tsdb {

using model::TimestampMs;

namespace {

constexpr auto kReaderPoll = std::chrono::milliseconds(5);
constexpr double kWarnAfterSeconds = 60;

}  // namespace

Head::Head(const HeadOptions& options, Fs& fs, std::string dir, metrics::Registry& registry)
    : state_(options, fs, std::move(dir), registry), census_(state_), registry_(registry) {
  AddMetricFunctions();
}

Head::~Head() {
  RemoveMetricFunctions();
  if (auto status = Close(); !status) {
    log::Error("Closing the head failed", {{"err", status.error().message()}});
  }
}

Status Head::Load(TimestampMs min_valid_time, ReplayCursor& progress) {
  NX_ASSIGN_OR_RETURN(const bool loaded, LoadSnapshot(state_, min_valid_time, removed_));
  if (loaded) {
    progress.min = progress.max = progress.current = state_.wal->current_segment() - 1;
    CutOtherEncodings();
    return {};
  }
  NX_RETURN_IF_ERROR(ReplayHead(state_, min_valid_time, progress, removed_));
  RemoveEmptySeries();
  return {};
}

// What has no room for start times does not go on when they are wanted from now on, nor what only
// servers with XOR2 read when that was switched off.
void Head::CutOtherEncodings() {
  const bool xor2 = state_.chunks.xor2();
  const auto goes_on = [&](Encoding encoding) {
    return encoding == Encoding::kXor ? !state_.options.start_times : xor2;
  };
  std::vector<SeriesSlot> cut;
  for (SeriesSlot slot = 1; slot < state_.index.end(); ++slot) {
    MemSeries& series = state_.index.At(slot);
    SeriesLock lock(series);
    if (series.chunk == 0 || goes_on(series.encoding)) continue;
    state_.chunks.CutOpen(series);
    cut.push_back(slot);
  }
  state_.AddFull(cut);
}

// The log names series that have no samples any more, as checkpoints are made before their time.
void Head::RemoveEmptySeries() {
  std::vector<SeriesSlot> emptied;
  for (SeriesSlot slot = 1; slot < state_.index.end(); ++slot) {
    MemSeries& series = state_.index.At(slot);
    SeriesLock lock(series);
    if (series.wal_ref != 0 && !series.has_samples()) emptied.push_back(slot);
  }
  RemoveSeries(emptied);
}

std::unique_ptr<storage::Appender> Head::NewAppender() {
  return std::make_unique<HeadAppender>(state_, on_commit_);
}

std::unique_ptr<HeadQuerier> Head::NewQuerier(TimestampMs mint, TimestampMs maxt,
                                              TimestampMs in_order_from) {
  const HeadRange range{mint, maxt, std::max(mint, in_order_from)};
  return std::make_unique<HeadQuerier>(state_, state_.isolation.NewReader(mint, maxt), range);
}

bool Head::Compactable() const {
  if (state_.empty()) return false;
  const auto span = static_cast<std::uint64_t>(max_time()) - static_cast<std::uint64_t>(min_time());
  return span > static_cast<std::uint64_t>(state_.options.limits.chunk_range_ms / 2 * 3);
}

Result<std::unique_ptr<BlockSource>> Head::NewBlockSource(TimestampMs mint, TimestampMs maxt) {
  if (!state_.appenders.WaitUntilAbove(maxt)) return Fail(Code::kCancelled, "shutting down");
  // Whatever was below maxt is committed, so no reader's view is needed.
  return std::make_unique<HeadBlockSource>(state_, state_.isolation.NewKeeper(), mint, maxt, false);
}

std::unique_ptr<BlockSource> Head::NewSnapshotSource(TimestampMs mint, TimestampMs maxt) {
  return std::make_unique<HeadBlockSource>(state_, state_.isolation.NewReader(mint, maxt), mint,
                                           maxt, true);
}

void Head::Interrupt() {
  interrupted_ = true;
  state_.appenders.Interrupt();
}

// The time of the first sample that a series has, or `otherwise` when that costs more than a look.
TimestampMs Head::FirstTime(const MemSeries& series, const ChunkFiles::View& files,
                            TimestampMs otherwise) const {
  const auto full = state_.chunks.FullChunks(series);
  if (full.empty()) return state_.chunks.OpenMinTime(series);
  if (full.front().in_memory()) return otherwise;
  const auto chunk = ChunkFiles::Read(files, {full.front().file, full.front().offset});
  return chunk ? chunk->mint : otherwise;
}

void Head::DropChunksBefore(TimestampMs t, Sweep& sweep) {
  const std::uint32_t before = CoarseSeconds(t);
  std::uint64_t dropped = 0;
  // What is written meanwhile to the current file, or later ones, is not looked at here.
  sweep.first_file = state_.files.first_unfinished();
  const auto files = state_.files.view();
  for (SeriesSlot slot = 1; slot < state_.index.end(); ++slot) {
    MemSeries& series = state_.index.At(slot);
    SeriesLock lock(series);
    if (series.wal_ref == 0) continue;
    const auto full = state_.chunks.FullChunks(series);
    std::size_t n = 0;
    while (n < full.size() && full[n].max_seconds < before) ++n;
    state_.chunks.DropFull(series, n);
    dropped += n;
    if (series.has_open_chunk() && series.xor_state.t < t) {
      state_.chunks.DropOpen(series);
      ++dropped;
    }
    for (const auto& chunk : state_.chunks.FullChunks(series)) {
      if (!chunk.in_memory()) sweep.first_file = std::min(sweep.first_file, chunk.file);
    }
    if (series.has_samples()) {
      sweep.actual_min = std::min(sweep.actual_min, std::max(FirstTime(series, *files, t), t));
    } else if (series.pending == 0 && !series.out_of_order) {
      sweep.emptied.push_back(slot);
    }
  }
  sweep.first_file = std::min(sweep.first_file, state_.ooo.store().FirstFile());
  state_.metrics.chunks_removed.Add(dropped);
}

void Head::RemoveSeries(std::span<const SeriesSlot> emptied) {
  const TimestampMs last = max_time();
  std::size_t removed = 0;
  while (!emptied.empty()) {
    const auto batch = emptied.first(std::min(emptied.size(), kUnlinkBatch));
    removed += state_.index.Unlink(batch, [&](wal::WalRef ref) {
      removed_[ref] = last;
      state_.tombstones.Remove(ref);
      state_.metadata.Remove(ref);
    });
    emptied = emptied.subspan(batch.size());
  }
  state_.metrics.series_removed.Add(removed);
  state_.index.Reclaim();
}

// Readers that began before may still want samples up to t; later ones have them from blocks.
Status Head::WaitForReadersUpTo(TimestampMs t) {
  const std::uint64_t before = state_.isolation.NextReaderSequence();
  const Stopwatch waited;
  double warned = 0;
  while (t != model::kMinTime && state_.isolation.AnyReaderBelow(t + 1, before)) {
    if (interrupted_.load()) return Fail(Code::kCancelled, "shutting down");
    if (waited.seconds() - warned >= kWarnAfterSeconds) {
      warned = waited.seconds();
      log::Warn("The head can't be truncated while a query that began before goes on",
                {{"waited", fmt::format("{:.0f}s", warned)}});
    }
    std::this_thread::sleep_for(kReaderPoll);
  }
  return {};
}

// Drops chunks before t, series without samples, and the files of chunks_head that are not needed.
Status Head::Collect(TimestampMs t, Sweep& sweep) {
  const Stopwatch stopwatch;
  DropChunksBefore(t, sweep);
  state_.ForgetDropped();
  RemoveSeries(sweep.emptied);
  // What is deleted counts for late samples too, which go to blocks after the others.
  state_.tombstones.TruncateBefore(std::min(t, min_late_time()));
  state_.metrics.gc_seconds.Observe(stopwatch.seconds());
  if (auto status = state_.files.TruncateBefore(sweep.first_file); !status) {
    state_.metrics.truncations_failed.Add();
    return Fail(std::move(status).error().Wrap("truncate chunks_head"));
  }
  return {};
}

Result<Head::OutOfOrderCut> Head::CutOutOfOrder() {
  OutOfOrderCut cut;
  NX_ASSIGN_OR_RETURN(cut.boundary, state_.ooo.CutAll());
  cut.max_time = state_.ooo.store().max_time();
  NX_ASSIGN_OR_RETURN(cut.ranges,
                      OooRanges(state_, cut.boundary.last, state_.options.limits.chunk_range_ms));
  return cut;
}

std::unique_ptr<BlockSource> Head::NewOutOfOrderSource(const OutOfOrderCut& cut, TimestampMs mint,
                                                       TimestampMs maxt) {
  return std::make_unique<OooBlockSource>(state_, cut.boundary.last, mint, maxt);
}

Status Head::DropOutOfOrder(const OutOfOrderCut& cut) {
  NX_RETURN_IF_ERROR(WaitForReadersUpTo(cut.max_time));
  state_.ooo.Drop(cut.boundary);
  Sweep sweep;
  return Collect(model::kMinTime, sweep);
}

Status Head::SyncWal() {
  Status wbl = state_.ooo.Sync();
  Status wal = state_.wal->Sync();
  return wal ? wbl : wal;
}

Status Head::Truncate(TimestampMs t) {
  if (state_.empty() || min_time() >= t) return {};
  state_.metrics.truncations.Add();
  state_.min_valid_time = t;
  state_.min_time = t;
  NX_RETURN_IF_ERROR(WaitForReadersUpTo(t - 1));
  // From here on samples may come that the sweep does not see, but none before this: by appenders
  // that are open, or begin now.
  const TimestampMs appendable = std::max(
      t,
      std::min(state_.appenders.Lowest(), max_time() - state_.options.limits.chunk_range_ms / 2));
  Sweep sweep;
  NX_RETURN_IF_ERROR(Collect(t, sweep));
  // The oldest sample may be newer than asked for; then the window of times moves there too, as
  // far as no appender can write before it.
  if (sweep.actual_min != model::kMaxTime && sweep.actual_min > t) {
    const TimestampMs floor = std::min(sweep.actual_min, appendable);
    state_.min_time = floor;
    state_.min_valid_time = floor;
  }
  return {};
}

Status Head::TruncateWal(TimestampMs t) {
  const Stopwatch stopwatch;
  const std::string& dir = state_.wal->dir();
  NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(state_.fs, dir));
  NX_RETURN_IF_ERROR(state_.wal->NextSegment());
  const int last = wal::LastToCheckpoint(segments.front(), segments.back());
  if (last < 0) return {};
  state_.metrics.checkpoint_creations.Add();
  if (auto status = WriteCheckpoint(t, segments.front(), last); !status) {
    state_.metrics.checkpoint_creations_failed.Add();
    return Fail(std::move(status).error().Wrap("create checkpoint"));
  }
  state_.metrics.wal_truncations.Add();
  if (auto status = state_.wal->TruncateBefore(last + 1); !status) {
    // The checkpoint covers them; the next truncation tries again.
    state_.metrics.wal_truncations_failed.Add();
    log::Error("Removing old WAL segments failed", {{"err", status.error().message()}});
  }
  const TimestampMs needed = std::min(t, min_late_time());
  absl::erase_if(removed_, [&](const auto& entry) { return entry.second < needed; });
  state_.metrics.checkpoint_deletions.Add();
  if (auto status = wal::RemoveCheckpointsBefore(state_.fs, dir, last); !status) {
    state_.metrics.checkpoint_deletions_failed.Add();
    log::Error("Removing old checkpoints failed", {{"err", status.error().message()}});
  }
  state_.metrics.wal_truncate_seconds.Observe(stopwatch.seconds());
  return {};
}

Status Head::WriteCheckpoint(TimestampMs t, int first, int last) {
  absl::flat_hash_set<wal::WalRef> live;
  live.reserve(state_.index.num_series());
  for (SeriesSlot slot = 1; slot < state_.index.end(); ++slot) {
    MemSeries& series = state_.index.At(slot);
    SeriesLock lock(series);
    if (series.wal_ref != 0) live.insert(series.wal_ref);
  }
  wal::CheckpointFilter filter;
  filter.mint = t;
  filter.start_times = state_.options.start_times;
  // Late samples are in the other log, under the same numbers; what is deleted counts for them too.
  filter.late_mint = std::min(t, min_late_time());
  filter.keep = [&](wal::WalRef ref) {
    if (live.contains(ref)) return true;
    const auto it = removed_.find(ref);
    return it != removed_.end() && it->second >= filter.late_mint;
  };
  NX_ASSIGN_OR_RETURN(
      const std::size_t passed_over,
      wal::WriteCheckpoint(state_.fs, state_.wal->dir(), first, last, filter, state_.options.wal));
  state_.metrics.wal_corruptions.Add(passed_over);
  return {};
}

Status Head::Maintain() {
  state_.index.Reclaim();
  return state_.FlushFull();
}

Status Head::Close(std::optional<TimestampMs> covered_until) {
  if (state_.wal == nullptr || closed_) return {};
  closed_ = true;
  Status result = state_.FlushFull();
  if (auto status = state_.files.Close(); !status) result = std::move(status);
  if (auto status = state_.ooo.Close(); !status) result = std::move(status);
  if (auto status = state_.wal->Close(); !status) result = std::move(status);
  if (result && covered_until) WriteSnapshot(state_, *covered_until, removed_);
  return result;
}

std::uint64_t Head::SizeOnDisk() const {
  std::uint64_t total = 0;
  for (const char* folder : {"wal", "wbl", "chunks_head"}) {
    total += wal::FolderBytes(state_.fs, JoinPath(state_.dir, folder));
  }
  return total;
}

}  // namespace narthex::tsdb
