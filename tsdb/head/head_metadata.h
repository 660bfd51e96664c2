// SPDX-License-Identifier: Apache-2.0
//
// Type, unit and help of the head's series, kept only with metadata in the WAL.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include <absl/container/flat_hash_map.h>

#include "narthex/base/mutex.h"
#include "narthex/model/metadata.h"
#include "tsdb/head/snapshot_file.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb {

/// By the series' log number, which is never given twice. Each text is held once, however many
/// series have it. Thread safety: any thread.
class HeadMetadata {
 public:
  explicit HeadMetadata(bool enabled) : enabled_(enabled) {}

  bool enabled() const { return enabled_; }
  /// Whether the series has this metadata.
  bool Has(wal::WalRef ref, const model::Metadata& metadata) const;
  void Set(wal::WalRef ref, const model::Metadata& metadata);
  void Remove(wal::WalRef ref);
  std::size_t held_bytes() const;

  /// For snapshots; see SlabArena.
  void Save(SnapshotWriter& out) const;
  Status Load(const SnapshotReader& in);
  void Reset();

 private:
  struct ByContent {
    bool operator()(const model::Metadata& a, const model::Metadata& b) const;
  };
  using Table = std::map<model::Metadata, std::size_t, ByContent>;  // With the number of series.

  void Release(Table::iterator entry) NX_REQUIRES(mutex_);

  const bool enabled_;
  mutable Mutex mutex_;  // Leaf.
  Table texts_ NX_GUARDED_BY(mutex_);
  absl::flat_hash_map<wal::WalRef, Table::iterator> by_ref_ NX_GUARDED_BY(mutex_);
  std::size_t text_bytes_ NX_GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::tsdb
