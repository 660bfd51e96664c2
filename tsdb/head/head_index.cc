// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/head_index.h"

namespace narthex::tsdb {

SeriesSlot HeadIndex::FindLocked(const model::Labels& labels, std::uint64_t hash) const {
  return by_hash_[ShardOf(hash)].Find(static_cast<std::uint32_t>(hash), [&](SeriesSlot slot) {
    return labels_.Equal(series_.At(slot).labels, labels);
  });
}

SeriesSlot HeadIndex::CreateLocked(const model::Labels& labels, std::uint64_t hash,
                                   wal::WalRef wal_ref) {
  const SeriesSlot slot = series_.Allocate();
  const ArenaRef run = labels_.Add(labels);
  {
    MemSeries& series = series_.At(slot);
    SeriesLock series_lock(series);
    series.wal_ref = wal_ref;
    series.labels = run;
    series.hash = static_cast<std::uint32_t>(hash);
  }
  by_hash_[ShardOf(hash)].Insert(static_cast<std::uint32_t>(hash), slot);
  num_series_.fetch_add(1, std::memory_order_relaxed);
  return slot;
}

void HeadIndex::Pin(SeriesSlot slot) const {
  MemSeries& series = series_.At(slot);
  SeriesLock series_lock(series);
  ++series.pending;
}

SeriesSlot HeadIndex::Find(const model::Labels& labels) const {
  IndexReaderLock lock(lock_);
  const SeriesSlot slot = FindLocked(labels, labels.Hash());
  if (slot != 0) Pin(slot);
  return slot;
}

HeadIndex::Found HeadIndex::GetOrCreate(const model::Labels& labels) {
  if (const SeriesSlot slot = Find(labels)) return {slot, false};
  const std::uint64_t hash = labels.Hash();
  IndexWriterLock lock(lock_);
  SeriesSlot slot = FindLocked(labels, hash);
  const bool created = slot == 0;
  if (created) {
    slot = CreateLocked(labels, hash, last_wal_ref_.fetch_add(1, std::memory_order_relaxed) + 1);
    postings_.Add(slot, series_.At(slot).labels, labels_);
  }
  Pin(slot);
  return {slot, created};
}

void HeadIndex::GetOrCreateLogged(std::span<const wal::SeriesEntry> entries,
                                  std::vector<Found>& found) {
  std::vector<std::uint64_t> hashes;
  hashes.reserve(entries.size());
  for (const auto& entry : entries) hashes.push_back(entry.labels.Hash());
  found.clear();
  IndexWriterLock lock(lock_);
  constexpr std::size_t kAhead = 8;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i + kAhead < entries.size()) {
      const std::uint64_t ahead = hashes[i + kAhead];
      by_hash_[ShardOf(ahead)].Prefetch(static_cast<std::uint32_t>(ahead));
    }
    const auto& [wal_ref, labels] = entries[i];
    NoteWalRef(wal_ref);
    SeriesSlot slot = FindLocked(labels, hashes[i]);
    const bool created = slot == 0;
    if (created) {
      slot = CreateLocked(labels, hashes[i], wal_ref);
      series_.At(slot).in_wal = true;
    }
    found.push_back({slot, created});
  }
}

// Without the lock: nobody else reads or writes the lists during replay, and what it reads of new
// series does not change.
void HeadIndex::AddPostings(SeriesSlot first, SeriesSlot end) {
  std::vector<ArenaRef> runs;
  runs.reserve(end - first);
  for (SeriesSlot slot = first; slot < end; ++slot) runs.push_back(series_.At(slot).labels);
  postings_.AddRange(first, runs, labels_);
}

void HeadIndex::NoteWalRef(wal::WalRef ref) {
  wal::WalRef last = last_wal_ref_.load(std::memory_order_relaxed);
  while (ref > last && !last_wal_ref_.compare_exchange_weak(last, ref)) {
  }
}

std::size_t HeadIndex::Unlink(std::span<const SeriesSlot> candidates,
                              const std::function<void(wal::WalRef)>& gone) {
  const auto empty = [](const MemSeries& series) { return !series.has_samples(); };
  return Unlink(candidates, Unlinking{empty, gone, {}});
}

std::size_t HeadIndex::Unlink(std::span<const SeriesSlot> candidates, const Unlinking& unlinking) {
  IndexWriterLock lock(lock_);
  Limbo limbo;
  for (const SeriesSlot slot : candidates) {
    MemSeries& series = series_.At(slot);
    {
      SeriesLock series_lock(series);
      if (series.out_of_order || series.pending != 0 || series.wal_ref == 0 ||
          !unlinking.goes(series)) {
        continue;
      }
      ++series.generation;
      unlinking.gone(series.wal_ref);
      series.wal_ref = 0;
    }
    const std::uint64_t hash = labels_.Get(series.labels).Hash();
    by_hash_[ShardOf(hash)].Erase(series.hash, slot);
    postings_.Remove(slot, series.labels, labels_);
    labels_.Release(series.labels, limbo.remains);
    limbo.slots.push_back(slot);
  }
  const std::size_t count = limbo.slots.size();
  if (count == 0) return 0;
  num_series_.fetch_sub(count, std::memory_order_relaxed);
  limbo.until = isolation_.NextReaderSequence();
  limbo_.push_back(std::move(limbo));
  if (unlinking.finish) unlinking.finish();
  return count;
}

void HeadIndex::Reclaim() {
  const std::uint64_t oldest = isolation_.OldestReader();
  IndexWriterLock lock(lock_);
  std::size_t done = 0;
  for (; done < limbo_.size() && limbo_[done].until <= oldest; ++done) {
    labels_.Free(limbo_[done].remains);
    for (const SeriesSlot slot : limbo_[done].slots) series_.Free(slot);
  }
  limbo_.erase(limbo_.begin(), limbo_.begin() + static_cast<std::ptrdiff_t>(done));
}

void HeadIndex::AddTo(std::vector<std::pair<std::string, std::uint64_t>>& ledger) const {
  IndexReaderLock lock(lock_);
  std::uint64_t tables = 0;
  for (const auto& table : by_hash_) tables += table.held_bytes();
  ledger.emplace_back("head/series", series_.held_bytes());
  ledger.emplace_back("head/hash_table", tables);
  ledger.emplace_back("head/symbols", labels_.symbols().held_bytes());
  ledger.emplace_back("head/labels", labels_.runs_held_bytes());
  ledger.emplace_back("head/postings", postings_.held_bytes());
}

}  // namespace narthex::tsdb
