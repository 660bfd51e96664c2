// SPDX-License-Identifier: Apache-2.0
//
// queries.active: what is being evaluated, so that a start can tell what the server died of.
// Source: Prometheus promql.ActiveQueryTracker, whose file this is.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/minute_log.h"
#include "narthex/base/mutex.h"

namespace narthex {
class Clock;
}

namespace narthex::promql {

/// A file with a place for each query that may run. What is written survives the end of the
/// process, however it comes, as it is in the system's cache at once; not that of the machine.
/// Thread safety: any thread.
class ActiveQueries final {
 public:
  /// Begins the file anew.
  /// @param[out] unfinished  what stood in it, as a JSON list; empty = nothing
  static Result<std::unique_ptr<ActiveQueries>> Open(Fs& fs, const std::string& path, int places,
                                                     const Clock& clock, std::string& unfinished);

  /// Notes a query in a free place, of which there must be one. A file that can't be written is
  /// logged, and does not disturb the query.
  std::size_t Insert(std::string_view query);
  void Remove(std::size_t place);

 private:
  ActiveQueries(std::unique_ptr<WritableFile> file, int places, const Clock& clock);
  void Write(std::size_t place, std::string_view entry) NX_REQUIRES(mutex_);

  const Clock& clock_;
  MinuteLog failure_log_;
  Mutex mutex_;  // Leaf.
  const std::unique_ptr<WritableFile> file_ NX_PT_GUARDED_BY(mutex_);
  std::vector<std::size_t> free_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::promql
