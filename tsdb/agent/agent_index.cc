// SPDX-License-Identifier: Apache-2.0
#include "tsdb/agent/agent_index.h"

#include <algorithm>
#include <new>

namespace narthex::tsdb {

using model::TimestampMs;

namespace {

// Scrapes that have new series wait so long.
constexpr std::size_t kRemovedAtOnce = 1024;
constexpr std::size_t kMaxSlotBytes = std::size_t{1} << 34;  // Of address space.

}  // namespace

AgentIndex::AgentIndex() : range_(kMaxSlotBytes) {}

void AgentIndex::Pin(SeriesSlot slot) const {
  AgentSeries& series = At(slot);
  const SeriesLock lock(series.locked);
  ++series.pending;
}

SeriesSlot AgentIndex::FindLocked(const model::Labels& labels, std::uint64_t hash) const {
  return by_hash_[ShardOf(hash)].Find(static_cast<std::uint32_t>(hash), [&](SeriesSlot slot) {
    return labels_.Equal(At(slot).labels, labels);
  });
}

SeriesSlot AgentIndex::Find(const model::Labels& labels) const {
  return Find(labels, labels.Hash());
}

SeriesSlot AgentIndex::Find(const model::Labels& labels, std::uint64_t hash) const {
  const ReaderLock lock(lock_);
  const SeriesSlot slot = FindLocked(labels, hash);
  if (slot != 0) Pin(slot);
  return slot;
}

AgentIndex::Found AgentIndex::GetOrCreate(const model::Labels& labels) {
  const std::uint64_t hash = labels.Hash();
  if (const SeriesSlot slot = Find(labels, hash)) return {slot, false};
  const WriterLock lock(lock_);
  SeriesSlot slot = FindLocked(labels, hash);
  const bool created = slot == 0;
  if (created) {
    slot = Create(labels, hash, last_ref_.fetch_add(1, std::memory_order_relaxed) + 1);
  }
  Pin(slot);
  return {slot, created};
}

AgentIndex::Found AgentIndex::GetOrCreateLogged(const model::Labels& labels, wal::WalRef ref) {
  NoteRef(ref);
  const std::uint64_t hash = labels.Hash();
  const WriterLock lock(lock_);
  if (const SeriesSlot slot = FindLocked(labels, hash)) return {slot, false};
  const SeriesSlot slot = Create(labels, hash, ref);
  At(slot).in_wal = true;
  return {slot, true};
}

void AgentIndex::NoteRef(wal::WalRef ref) {
  wal::WalRef last = last_ref_.load(std::memory_order_relaxed);
  while (ref > last && !last_ref_.compare_exchange_weak(last, ref)) {
  }
}

SeriesSlot AgentIndex::AllocateSlot() {
  if (!free_.empty()) {
    const SeriesSlot slot = free_.back();
    free_.pop_back();
    return slot;
  }
  const SeriesSlot slot = end_.load(std::memory_order_relaxed);
  range_.EnsureCommitted((std::size_t{slot} + 1) * sizeof(AgentSeries));
  new (&At(slot)) AgentSeries{};
  At(slot).generation = 1;
  end_.store(slot + 1, std::memory_order_release);
  return slot;
}

SeriesSlot AgentIndex::Create(const model::Labels& labels, std::uint64_t hash, wal::WalRef ref) {
  const SeriesSlot slot = AllocateSlot();
  const ArenaRef run = labels_.Add(labels);
  {
    // Somebody with an old reference may look at the slot.
    AgentSeries& series = At(slot);
    const SeriesLock series_lock(series.locked);
    series.ref = ref;
    series.last_t = model::kMinTime;
    series.labels = run;
    series.pending = 0;
    series.hash = static_cast<std::uint32_t>(hash);
    series.in_wal = false;
  }
  by_hash_[ShardOf(hash)].Insert(static_cast<std::uint32_t>(hash), slot);
  num_series_.fetch_add(1, std::memory_order_relaxed);
  return slot;
}

// Without the index lock, so that appenders find their series meanwhile.
std::vector<SeriesSlot> AgentIndex::IdleBefore(TimestampMs mint) const {
  std::vector<SeriesSlot> idle;
  for (SeriesSlot slot = 1; slot < end(); ++slot) {
    AgentSeries& series = At(slot);
    const SeriesLock lock(series.locked);
    if (series.ref != 0 && series.pending == 0 && series.last_t < mint) idle.push_back(slot);
  }
  return idle;
}

std::size_t AgentIndex::RemoveIdle(TimestampMs mint, const std::function<void(SeriesSlot)>& gone) {
  const std::vector<SeriesSlot> idle = IdleBefore(mint);
  const std::span<const SeriesSlot> all(idle);
  std::size_t count = 0;
  for (std::size_t i = 0; i < all.size(); i += kRemovedAtOnce) {
    count += Remove(all.subspan(i, std::min(kRemovedAtOnce, all.size() - i)), mint, gone);
  }
  return count;
}

std::size_t AgentIndex::Remove(std::span<const SeriesSlot> idle, TimestampMs mint,
                               const std::function<void(SeriesSlot)>& gone) {
  const WriterLock lock(lock_);
  LabelStore::Remains remains;
  std::size_t count = 0;
  for (const SeriesSlot slot : idle) {
    AgentSeries& series = At(slot);
    {
      const SeriesLock series_lock(series.locked);
      if (series.pending != 0 || series.last_t >= mint) continue;
      ++series.generation;
    }
    gone(slot);
    const std::uint64_t hash = labels_.Get(series.labels).Hash();
    by_hash_[ShardOf(hash)].Erase(series.hash, slot);
    labels_.Release(series.labels, remains);
    {
      const SeriesLock series_lock(series.locked);
      series.ref = 0;
    }
    free_.push_back(slot);
    ++count;
  }
  labels_.Free(remains);
  num_series_.fetch_sub(count, std::memory_order_relaxed);
  return count;
}

void AgentIndex::AddTo(std::vector<std::pair<std::string, std::uint64_t>>& ledger) const {
  const ReaderLock lock(lock_);
  std::uint64_t tables = 0;
  for (const auto& table : by_hash_) tables += table.held_bytes();
  ledger.emplace_back("agent/series",
                      end() * sizeof(AgentSeries) + free_.capacity() * sizeof(SeriesSlot));
  ledger.emplace_back("agent/hash_table", tables);
  ledger.emplace_back("agent/symbols", labels_.symbols().held_bytes());
  ledger.emplace_back("agent/labels", labels_.runs_held_bytes());
}

}  // namespace narthex::tsdb
