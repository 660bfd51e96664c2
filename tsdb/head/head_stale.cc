// SPDX-License-Identifier: Apache-2.0
//
// Series that have gone stale leave the head before their time.
#include <algorithm>

#include "tsdb/head/head.h"
#include "tsdb/head/head_block_source.h"

namespace narthex::tsdb {

using model::TimestampMs;

Head::StaleSeries Head::FindStaleSeries() {
  StaleSeries stale;
  // First, so that whatever is in the series then is there for the blocks too.
  stale.seen_commit = state_.isolation.low_watermark();
  stale.alive = state_.isolation.NewReader(model::kMaxTime, model::kMaxTime);
  stale.min_time = min_time();
  stale.max_time = max_time();
  for (SeriesSlot slot = 1; slot < state_.index.end(); ++slot) {
    MemSeries& series = state_.index.At(slot);
    SeriesLock lock(series);
    if (series.wal_ref == 0) continue;
    ++stale.num_series;
    if (!EndsStale(state_, series)) continue;
    ++stale.num_stale;
    if (MayRetire(series, stale.seen_commit)) stale.slots.push_back(slot);
  }
  return stale;
}

// Its late samples would be lost with it, and newer ones are in no block.
bool Head::MayRetire(const MemSeries& series, std::uint64_t seen_commit) {
  return series.pending == 0 && !series.out_of_order && series.commit <= seen_commit;
}

std::unique_ptr<BlockSource> Head::NewStaleSource(const StaleSeries& stale, TimestampMs mint,
                                                  TimestampMs maxt) {
  return std::make_unique<HeadBlockSource>(
      state_, state_.isolation.NewReader(model::kMaxTime, model::kMaxTime), mint, maxt, false,
      PostingList(stale.slots.begin(), stale.slots.end()));
}

Result<std::size_t> Head::DropStaleSeries(StaleSeries stale) {
  NX_RETURN_IF_ERROR(WaitForReadersUpTo(stale.max_time));
  Status status;
  std::size_t removed = 0;
  std::vector<wal::TombstoneEntry> entries;
  HeadIndex::Unlinking unlinking;
  unlinking.goes = [&](MemSeries& series) {
    if (!MayRetire(series, stale.seen_commit) || !EndsStale(state_, series)) return false;
    const std::size_t full = state_.chunks.FullChunks(series).size();
    state_.metrics.chunks_removed.Add(full + static_cast<std::size_t>(series.has_open_chunk()));
    state_.chunks.DropFull(series, full);
    state_.chunks.DropOpen(series);
    return true;
  };
  unlinking.gone = [&](wal::WalRef ref) {
    removed_[ref] = stale.max_time;
    state_.tombstones.Remove(ref);
    state_.metadata.Remove(ref);
    entries.push_back({ref, model::kMinTime, model::kMaxTime});
  };
  // Before the log can have a new series of the same labels: a replay would take the record for
  // that one's. When it can't be written, a replay finds the samples in the head again, too.
  unlinking.finish = [&] {
    std::vector<std::string> records(1);
    wal::EncodeTombstones(entries, records[0]);
    if (auto logged = state_.wal->Log(records); !logged) status = std::move(logged);
  };
  std::span<const SeriesSlot> slots(stale.slots);
  while (!slots.empty() && status) {
    const auto batch = slots.first(std::min(slots.size(), kUnlinkBatch));
    entries.clear();
    removed += state_.index.Unlink(batch, unlinking);
    slots = slots.subspan(batch.size());
  }
  state_.metrics.series_removed.Add(removed);
  stale.alive.reset();
  state_.index.Reclaim();
  if (!status) return Fail(std::move(status).error().Wrap("log removed series"));
  return removed;
}

}  // namespace narthex::tsdb
