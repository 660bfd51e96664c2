// SPDX-License-Identifier: Apache-2.0
//
// What start times say about counters. Source: Prometheus promql isStartTimestampReset,
// checkStartTimeOverlap.
#pragma once

#include <cstddef>
#include <span>

#include "narthex/model/timestamp.h"
#include "narthex/storage/start_times.h"

namespace narthex::promql {

/// Whether a sample at t began after the one before it, at last_t. 0 = a start time is not known.
inline bool IsStartReset(model::TimestampMs last_start, model::TimestampMs last_t,
                         model::TimestampMs start, model::TimestampMs t) {
  // A start at or behind the sample itself is none.
  if (start == 0 || start >= t || start < last_t) return false;
  if (start > last_t) return true;
  // It began with the sample before: so do deltas, and counters of which the start is not known.
  // The first sample of those has none, or one that is none.
  return last_start != 0 && last_start < last_t;
}

/// One kind of samples of a series with its start times; null = there are none, or they do not
/// count.
struct StartedSamples {
  std::span<const model::TimestampMs> t;
  const storage::StartTimes* starts = nullptr;

  model::TimestampMs StartAt(std::size_t i) const { return starts == nullptr ? 0 : starts->At(i); }

  /// Whether sample i began after the one before it, i > 0.
  bool IsReset(std::size_t i) const {
    if (starts == nullptr) return false;
    return IsStartReset(starts->At(i - 1), t[i - 1], starts->At(i), t[i]);
  }
  /// Whether sample i claims to have begun within what the one before it counted, i > 0.
  bool Overlaps(std::size_t i) const {
    if (starts == nullptr) return false;
    const model::TimestampMs start = starts->At(i);
    return start != 0 && start < t[i - 1] && start != starts->At(i - 1);
  }
  /// The start of sample i when it lies within the range, so that the count was zero there; else 0.
  model::TimestampMs ZeroAt(std::size_t i, model::TimestampMs range_start) const {
    const model::TimestampMs start = StartAt(i);
    return start != 0 && start > range_start && start < t[i] ? start : 0;
  }
};

}  // namespace narthex::promql
