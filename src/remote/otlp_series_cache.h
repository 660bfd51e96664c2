// SPDX-License-Identifier: Apache-2.0
//
// Which series a data point became last time, so that its labels need not be made again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "narthex/base/hash.h"
#include "narthex/base/shared_recent_map.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/appender.h"

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
  static constexpr model::DurationMs kPeriodMs = SharedRecentMap<Entry>::kPeriodMs;

  /// @param max_entries  of which each takes 33 to 75 bytes; every one is a series in storage,
  /// which
  ///   takes ten times as much, so the default only bounds a storm of new series
  explicit OtlpSeriesCache(std::size_t max_entries = std::size_t{16} << 20)
      : series_(max_entries) {}

  std::optional<Entry> Find(const Hash128& id) { return series_.Find(id); }
  void Put(const Hash128& id, storage::SeriesRef ref) { series_.Put(id, {.ref = ref}); }
  void SetMetadata(const Hash128& id, std::uint64_t metadata) {
    series_.Update(id, [metadata](Entry& entry) { entry.metadata = metadata; });
  }
  void Erase(const Hash128& id) { series_.Erase(id); }
  /// Begins a new period when it is time.
  void Tick(model::TimestampMs now) { series_.Tick(now); }

  std::size_t size() const { return series_.size(); }
  std::size_t memory_bytes() const { return series_.memory_bytes(); }

 private:
  SharedRecentMap<Entry> series_;
};

}  // namespace narthex::remote
