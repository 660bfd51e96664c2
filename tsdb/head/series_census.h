// SPDX-License-Identifier: Apache-2.0
//
// How many series of the head are stale or native histograms, for the metrics.
#pragma once

#include <chrono>
#include <cstdint>

#include "narthex/base/mutex.h"
#include "tsdb/head/head_state.h"

namespace narthex::tsdb {

/// Whether the last sample is a staleness marker; under the series' lock. Of a series that was
/// restored from full chunks the last value is not known: false.
bool EndsStale(const HeadState& head, const MemSeries& series);

/// Counts by looking at all series, so that the path of a sample has nothing to count. Counting
/// takes at most a hundredth of the time: in between, the last result is given again. Thread
/// safety: any thread.
class SeriesCensus {
 public:
  struct Counts {
    std::uint64_t stale = 0;
    std::uint64_t histograms = 0;
    std::uint64_t histogram_buckets = 0;  // Of the last samples.
  };

  explicit SeriesCensus(const HeadState& head) : head_(head) {}
  Counts Get();

 private:
  Counts Count() const;

  const HeadState& head_;
  Mutex mutex_;  // Held while counting; before series locks.
  Counts last_ NX_GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point again_at_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::tsdb
