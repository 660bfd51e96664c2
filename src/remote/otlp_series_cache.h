// SPDX-License-Identifier: Apache-2.0
//
// Which series a data point became last time, so that its labels need not be made again.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "narthex/base/hash.h"
#include "narthex/base/mutex.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/appender.h"
#include "src/remote/recent_map.h"

namespace narthex::remote {

/// From a hash of what makes a series' labels to the storage's reference. What was not asked for
/// during the last one or two periods is forgotten, as is the older half when there is too much.
/// Thread safety: any thread.
class OtlpSeriesCache {
 public:
  struct Entry {
    storage::SeriesRef ref{0};
    std::uint64_t metadata = 0;  // A hash of those that the series has in storage; 0 = none known.
  };
  static constexpr model::DurationMs kPeriodMs = 30 * 60'000;

  /// @param max_entries  of which each takes 33 to 75 bytes; every one is a series in storage,
  /// which
  ///                     takes ten times as much, so the default only bounds a storm of new series
  explicit OtlpSeriesCache(std::size_t max_entries = std::size_t{16} << 20);

  std::optional<Entry> Find(const Hash128& id);
  void Put(const Hash128& id, storage::SeriesRef ref);
  void SetMetadata(const Hash128& id, std::uint64_t metadata);
  void Erase(const Hash128& id);
  /// Begins a new period when it is time.
  void Tick(model::TimestampMs now);

  std::size_t size() const;
  std::size_t memory_bytes() const;

 private:
  struct Shard {
    explicit Shard(std::size_t max_entries) : series(max_entries) {}
    mutable Mutex mutex;
    RecentMap<Entry> series NX_GUARDED_BY(mutex);
  };
  static constexpr std::size_t kShards = 16;

  Shard& ShardOf(const Hash128& id) { return *shards_[id.high % kShards]; }

  std::array<std::unique_ptr<Shard>, kShards> shards_;
  std::atomic<model::TimestampMs> period_end_{0};
};

}  // namespace narthex::remote
