// SPDX-License-Identifier: Apache-2.0
//
// The newest exemplars of all series in one ring.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "narthex/base/mutex.h"
#include "narthex/model/exemplar.h"
#include "narthex/model/labels.h"
#include "narthex/storage/appender.h"
#include "tsdb/head/snapshot_file.h"

namespace narthex::tsdb {

/// Thread safety: any thread.
class ExemplarStore {
 public:
  /// @param capacity  0 = switched off
  explicit ExemplarStore(std::size_t capacity) : capacity_(Clamped(capacity)) {}

  bool enabled() const { return capacity_ > 0; }
  /// Keeps the newest that fit. @return how many
  std::size_t Resize(std::size_t capacity);
  /// Whether Add would take it; kNone also for one equal to the series' newest, and for a late one
  /// whose time is taken, which are not stored again.
  /// @param window_ms  how far behind the series' newest exemplar late ones are taken; 0 = not at
  /// all Source: Prometheus CircularExemplarStorage.ValidateExemplar.
  storage::AppendError Check(const model::Labels& series, const model::Exemplar& exemplar,
                             model::DurationMs window_ms) const;
  storage::AppendError Add(const model::Labels& series, const model::Exemplar& exemplar,
                           model::DurationMs window_ms);

  /// Calls fn for the exemplars in the closed range, in the order in which they came.
  using Visitor = std::function<void(const model::Labels& series, const model::Exemplar&)>;
  void ForEach(model::TimestampMs mint, model::TimestampMs maxt, const Visitor& fn) const;

  /// For snapshots; see SlabArena.
  void Save(SnapshotWriter& out) const;
  Status Load(const SnapshotReader& in);
  void Reset();

  std::size_t size() const;
  std::size_t num_series() const;
  std::size_t capacity() const { return capacity_; }
  std::size_t held_bytes() const;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static std::size_t Clamped(std::size_t capacity) {
    return std::min<std::size_t>(capacity, kNone);  // Places have 32 bits.
  }
  struct Entry {
    model::Labels series;
    model::Exemplar exemplar;
    // Places of the series' next older and newer one by time.
    std::uint32_t older = kNone;
    std::uint32_t newer = kNone;
  };
  storage::AppendError CheckLocked(const model::Labels& series, const model::Exemplar& exemplar,
                                   model::DurationMs window_ms, bool& repeated) const
      NX_REQUIRES(mutex_);
  storage::AppendError AddLocked(const model::Labels& series, const model::Exemplar& exemplar,
                                 model::DurationMs window_ms) NX_REQUIRES(mutex_);
  void ResetLocked() NX_REQUIRES(mutex_);
  // The place of the i-th in the order in which they came.
  std::size_t PlaceOf(std::size_t i) const NX_REQUIRES(mutex_);
  void RemoveOldest() NX_REQUIRES(mutex_);
  // The series' newest one that is not newer than t; kNone when there is none.
  std::uint32_t NotNewer(std::uint32_t newest, model::TimestampMs t) const NX_REQUIRES(mutex_);

  std::atomic<std::size_t> capacity_;  // Changed under the lock.
  mutable Mutex mutex_;                // Leaf.
  std::vector<Entry> ring_ NX_GUARDED_BY(mutex_);
  std::size_t next_ NX_GUARDED_BY(mutex_) = 0;
  // Place of each series' newest one by label bytes.
  absl::flat_hash_map<std::string, std::uint32_t> newest_ NX_GUARDED_BY(mutex_);
  std::size_t bytes_ NX_GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::tsdb
