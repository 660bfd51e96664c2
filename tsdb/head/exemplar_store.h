// SPDX-License-Identifier: Apache-2.0
//
// The newest exemplars of all series in one ring.
#pragma once

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
  explicit ExemplarStore(std::size_t capacity) : capacity_(capacity) {}

  bool enabled() const { return capacity_ > 0; }
  /// Whether Add would take it; kNone also for one equal to the series' newest, which is not
  /// stored again. Source: Prometheus CircularExemplarStorage.ValidateExemplar.
  storage::AppendError Check(const model::Labels& series, const model::Exemplar& exemplar) const;
  storage::AppendError Add(const model::Labels& series, const model::Exemplar& exemplar);

  /// Calls fn for the exemplars of each series in the closed range, oldest first.
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
  struct Entry {
    model::Labels series;
    model::Exemplar exemplar;
  };
  storage::AppendError CheckLocked(const model::Labels& series, const model::Exemplar& exemplar,
                                   bool& repeated) const NX_REQUIRES(mutex_);

  const std::size_t capacity_;
  mutable Mutex mutex_;  // Leaf.
  std::vector<Entry> ring_ NX_GUARDED_BY(mutex_);
  std::size_t next_ NX_GUARDED_BY(mutex_) = 0;
  struct Newest {
    std::size_t place = 0;
    std::size_t count = 0;  // Entries of the series in the ring.
  };
  absl::flat_hash_map<std::string, Newest> newest_ NX_GUARDED_BY(mutex_);  // By label bytes.
  std::size_t bytes_ NX_GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::tsdb
