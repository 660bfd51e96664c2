// SPDX-License-Identifier: Apache-2.0
#include "src/remote/otlp_series_cache.h"

namespace narthex::remote {

OtlpSeriesCache::OtlpSeriesCache(std::size_t max_entries) {
  for (auto& shard : shards_) shard = std::make_unique<Shard>(max_entries / kShards);
}

std::optional<OtlpSeriesCache::Entry> OtlpSeriesCache::Find(const Hash128& id) {
  Shard& shard = ShardOf(id);
  MutexLock lock(shard.mutex);
  const Entry* entry = shard.series.Find(id);
  return entry == nullptr ? std::nullopt : std::optional(*entry);
}

void OtlpSeriesCache::Put(const Hash128& id, storage::SeriesRef ref) {
  Shard& shard = ShardOf(id);
  MutexLock lock(shard.mutex);
  shard.series.Put(id, {.ref = ref});
}

void OtlpSeriesCache::SetMetadata(const Hash128& id, std::uint64_t metadata) {
  Shard& shard = ShardOf(id);
  MutexLock lock(shard.mutex);
  if (Entry* entry = shard.series.Find(id)) entry->metadata = metadata;
}

void OtlpSeriesCache::Erase(const Hash128& id) {
  Shard& shard = ShardOf(id);
  MutexLock lock(shard.mutex);
  shard.series.Erase(id);
}

void OtlpSeriesCache::Tick(model::TimestampMs now) {
  model::TimestampMs end = period_end_.load(std::memory_order_relaxed);
  // A clock that was set back must not stop time here.
  if (now < end && now >= end - kPeriodMs) return;
  if (!period_end_.compare_exchange_strong(end, now + kPeriodMs) || end == 0) return;
  for (auto& shard : shards_) {
    MutexLock lock(shard->mutex);
    shard->series.Age();
  }
}

std::size_t OtlpSeriesCache::size() const {
  std::size_t n = 0;
  for (const auto& shard : shards_) {
    MutexLock lock(shard->mutex);
    n += shard->series.size();
  }
  return n;
}

std::size_t OtlpSeriesCache::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& shard : shards_) {
    MutexLock lock(shard->mutex);
    bytes += shard->series.memory_bytes();
  }
  return bytes;
}

}  // namespace narthex::remote
