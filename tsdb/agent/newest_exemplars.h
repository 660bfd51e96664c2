// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <absl/container/flat_hash_map.h>

#include "narthex/base/mutex.h"
#include "narthex/model/exemplar.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb {

/// Whether a series' exemplar says nothing new: exporters show the newest one in every scrape. The
/// time counts only where one of them came with a time of its own. Source: Prometheus
/// exemplar.Exemplar.Equals.
bool RepeatsExemplar(const model::Exemplar& a, const model::Exemplar& b);

/// The newest exemplar of each series that has one. Thread safety: any thread.
class NewestExemplars {
 public:
  /// Whether the exemplar repeats the newest one of the series.
  bool Repeats(wal::WalRef ref, const model::Exemplar& exemplar) const;
  void Set(wal::WalRef ref, const model::Exemplar& exemplar);
  /// Also of a series that has none.
  void Remove(wal::WalRef ref);

  std::size_t held_bytes() const;

 private:
  mutable Mutex mutex_;  // Leaf.
  absl::flat_hash_map<wal::WalRef, model::Exemplar> newest_ NX_GUARDED_BY(mutex_);
  std::size_t label_bytes_ NX_GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::tsdb
