// SPDX-License-Identifier: Apache-2.0
//
// Deletion of samples that are still in the head.
#include <algorithm>

#include "tsdb/head/chunk_reader.h"
#include "tsdb/head/head.h"

namespace narthex::tsdb {

using model::TimestampMs;

namespace {

struct Deletion {
  SeriesSlot slot = 0;
  wal::TombstoneEntry entry;
};

// The part of [mint, maxt] in which the series has samples in order. Samples that come later are
// newer, so nothing that is appended from now on is in it.
std::optional<Deletion> DeletionOf(const HeadState& head, ChunkReader& reader, SeriesSlot slot,
                                   TimestampMs mint, TimestampMs maxt) {
  Deletion deletion;
  deletion.slot = slot;
  {
    MemSeries& series = head.index.At(slot);
    SeriesLock lock(series);
    if (!series.has_samples()) return std::nullopt;
    deletion.entry.ref = series.wal_ref;
    deletion.entry.maxt = std::min(maxt, series.xor_state.t);
  }
  deletion.entry.mint = std::max(mint, reader.FirstTime(slot));
  if (deletion.entry.mint > deletion.entry.maxt) return std::nullopt;
  return deletion;
}

}  // namespace

Status Head::Delete(TimestampMs mint, TimestampMs maxt, std::span<const model::Matcher> matchers) {
  if (state_.empty()) return {};
  mint = std::max(mint, min_time());
  maxt = std::min(maxt, max_time());
  if (mint > maxt) return {};
  const auto alive = state_.isolation.NewKeeper();
  NX_ASSIGN_OR_RETURN(const auto ids, SelectPostings(HeadPostings(state_.index), matchers));
  std::vector<SeriesSlot> slots;
  std::vector<wal::TombstoneEntry> entries;
  ChunkReader reader(state_);
  for (const SeriesId id : ids) {
    const auto deletion = DeletionOf(state_, reader, id, mint, maxt);
    if (!deletion) continue;
    slots.push_back(id);
    entries.push_back(deletion->entry);
  }
  if (entries.empty()) return {};
  std::vector<std::string> records(1);
  wal::EncodeTombstones(entries, records[0]);
  NX_RETURN_IF_ERROR(state_.wal->Log(records));
  for (std::size_t i = 0; i < slots.size(); ++i) {
    state_.AddTombstone(slots[i], {entries[i].mint, entries[i].maxt});
  }
  return state_.wal->Sync();
}

}  // namespace narthex::tsdb
