// SPDX-License-Identifier: Apache-2.0
//
// What was deleted from the head's series, kept apart from them because it is rare.
#pragma once

#include <cstddef>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "narthex/base/mutex.h"
#include "tsdb/block/tombstones.h"
#include "tsdb/head/snapshot_file.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb {

/// Deleted intervals by the series' log number, which is never given twice. MemSeries says whether
/// there are any; ask HeadState::DeletedOf. Thread safety: any thread.
class HeadTombstones {
 public:
  void Add(wal::WalRef ref, Interval interval);
  /// Ascending and disjoint; empty when nothing of the series is deleted.
  std::vector<Interval> Of(wal::WalRef ref) const;
  void Remove(wal::WalRef ref);
  /// The series has another number from now on.
  void Move(wal::WalRef from, wal::WalRef to);
  /// Drops the intervals that end before t, where no samples are left.
  void TruncateBefore(model::TimestampMs t);
  std::size_t held_bytes() const;

  /// For snapshots; see SlabArena.
  void Save(SnapshotWriter& out) const;
  Status Load(const SnapshotReader& in);
  void Reset();

 private:
  mutable Mutex mutex_;  // Leaf.
  absl::flat_hash_map<wal::WalRef, std::vector<Interval>> by_ref_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::tsdb
