// SPDX-License-Identifier: Apache-2.0
//
// A storage in memory for tests that need no database: sorted series with their columns.
#pragma once

#include <atomic>
#include <map>
#include <memory>

#include "narthex/base/mutex.h"
#include "narthex/model/labels.h"
#include "narthex/storage/appender.h"
#include "narthex/storage/querier.h"

namespace narthex::testing {

/// Takes samples in order of time per series; drops exemplars and metadata.
/// Thread safety: any thread; series sets show what was committed when they were selected.
class MemoryStorage final : public storage::Appendable, public storage::Queryable {
 public:
  std::unique_ptr<storage::Appender> NewAppender() override;
  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs mint,
                                                       model::TimestampMs maxt) override;
  /// From now on commits fail and write nothing, or do not.
  void FailCommits(bool fail) { fail_commits_ = fail; }

 private:
  class MemoryAppender;
  class MemoryQuerier;
  using Series = std::map<model::Labels, storage::SampleColumns>;

  std::atomic<bool> fail_commits_ = false;
  Mutex mutex_;
  std::shared_ptr<const Series> series_ NX_GUARDED_BY(mutex_) = std::make_shared<Series>();
};

}  // namespace narthex::testing
