// SPDX-License-Identifier: Apache-2.0
//
// Storage of our own, completed by others that may fail: remote read.
// Source: Prometheus storage.NewFanout.
#pragma once

#include <memory>
#include <vector>

#include "narthex/base/mutex.h"
#include "narthex/storage/querier.h"

namespace narthex {
class ThreadPool;
}

namespace narthex::storage {

/// Reads from a primary storage and from secondary ones at the same time. An error of the primary
/// is the error of the call. An error of a secondary becomes a warning (Querier::CollectWarnings),
/// and nothing that this secondary says to any selection of the querier counts: half of its answers
/// would make wrong results out of right data. Where both have a sample for the same time, the
/// primary's counts. Without secondaries its queriers are the primary's. Thread safety: any thread.
class FanoutQueryable final : public Queryable {
 public:
  /// A secondary has no querier (null) for a range in which it is not to be asked.
  using Secondaries = std::vector<std::shared_ptr<Queryable>>;

  /// @param pool  secondaries are asked on it, each on some of its threads, so that one that hangs
  ///              leaves the others theirs; not owned, as `primary`; both outlive all queriers
  FanoutQueryable(Queryable& primary, ThreadPool& pool) : primary_(primary), pool_(pool) {}

  /// For queriers that are made from now on.
  void SetSecondaries(Secondaries secondaries);

  Result<std::unique_ptr<Querier>> NewQuerier(model::TimestampMs mint,
                                              model::TimestampMs maxt) override;

 private:
  struct Member;

  Queryable& primary_;
  ThreadPool& pool_;
  mutable Mutex mutex_;
  std::shared_ptr<const std::vector<Member>> secondaries_ NX_GUARDED_BY(mutex_);  // Null = none.
};

}  // namespace narthex::storage
