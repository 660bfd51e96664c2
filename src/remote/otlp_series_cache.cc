// SPDX-License-Identifier: Apache-2.0
#include "src/remote/otlp_series_cache.h"

#include <algorithm>
#include <utility>

namespace narthex::remote {

OtlpSeriesCache::OtlpSeriesCache(std::size_t max_entries)
    : max_recent_(std::max<std::size_t>(1, max_entries / kShards / 2)) {}

void OtlpSeriesCache::Age(Shard& shard) { shard.older = std::exchange(shard.recent, Map()); }

void OtlpSeriesCache::Insert(Shard& shard, const Hash128& id, const Entry& entry) {
  if (shard.recent.size() >= max_recent_) Age(shard);
  shard.recent.insert_or_assign(id, entry);
}

std::optional<OtlpSeriesCache::Entry> OtlpSeriesCache::Find(const Hash128& id) {
  Shard& shard = ShardOf(id);
  MutexLock lock(shard.mutex);
  if (const auto found = shard.recent.find(id); found != shard.recent.end()) return found->second;
  const auto found = shard.older.find(id);
  if (found == shard.older.end()) return std::nullopt;
  const Entry entry = found->second;
  shard.older.erase(found);
  Insert(shard, id, entry);
  return entry;
}

void OtlpSeriesCache::Put(const Hash128& id, storage::SeriesRef ref) {
  Shard& shard = ShardOf(id);
  MutexLock lock(shard.mutex);
  Insert(shard, id, {.ref = ref});
}

void OtlpSeriesCache::SetMetadata(const Hash128& id, std::uint64_t metadata) {
  Shard& shard = ShardOf(id);
  MutexLock lock(shard.mutex);
  for (Map* map : {&shard.recent, &shard.older}) {
    if (const auto found = map->find(id); found != map->end()) found->second.metadata = metadata;
  }
}

void OtlpSeriesCache::Erase(const Hash128& id) {
  Shard& shard = ShardOf(id);
  MutexLock lock(shard.mutex);
  shard.recent.erase(id);
  shard.older.erase(id);
}

void OtlpSeriesCache::Tick(model::TimestampMs now) {
  model::TimestampMs end = period_end_.load(std::memory_order_relaxed);
  // A clock that was set back must not stop time here.
  if (now < end && now >= end - kPeriodMs) return;
  if (!period_end_.compare_exchange_strong(end, now + kPeriodMs)) return;
  if (end == 0) return;
  for (Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    Age(shard);
  }
}

std::size_t OtlpSeriesCache::size() const {
  std::size_t n = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    n += shard.recent.size() + shard.older.size();
  }
  return n;
}

std::size_t OtlpSeriesCache::memory_bytes() const {
  constexpr std::size_t kSlotBytes = sizeof(Map::value_type) + 1;  // And a byte of control.
  std::size_t bytes = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    bytes += (shard.recent.capacity() + shard.older.capacity()) * kSlotBytes;
  }
  return bytes;
}

}  // namespace narthex::remote
