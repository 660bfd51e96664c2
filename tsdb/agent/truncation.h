// SPDX-License-Identifier: Apache-2.0
//
// Keeps the agent's memory and its log from growing.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "narthex/base/result.h"
#include "tsdb/agent/agent_state.h"

namespace narthex::tsdb {

/// With the rules of Prometheus's agent: intervals that are not positive are the defaults, and the
/// longest time to keep is no shorter than the shortest and than the interval of truncation.
AgentOptions CheckedOptions(AgentOptions options);

/// Series and samples before this time are given up: those that were sent min_keep_ms ago, and in
/// any case those of max_keep_ms ago.
/// @param lowest_sent  Unix milliseconds that the slowest endpoint has reached; 0 = nothing; a time
///                     to come counts as now
model::TimestampMs TruncationTime(const AgentOptions& options, model::TimestampMs lowest_sent,
                                  model::TimestampMs now);

/// Thread safety: one thread at a time; held_bytes any thread.
class Truncation {
 public:
  Truncation(AgentState& state, ReplayedLog log);

  /// Removes series without samples since TruncationTime, and makes a checkpoint of the older two
  /// thirds of the log, as soon as it has two segments that are not written any more; but segments
  /// that were not sent stay until they are older than max_keep_ms.
  Status Run(const SendingProgress& progress, model::TimestampMs now);

  std::size_t held_bytes() const { return held_bytes_; }

 private:
  void RemoveSeries(model::TimestampMs mint);
  int LastToGo(int first, int last, const SendingProgress& progress, model::TimestampMs now) const;
  Status WriteCheckpoint(int first, int last, model::TimestampMs mint);
  void Forget(int last);
  void CountDeleted();

  AgentState& state_;
  DeletedSeriesMap deleted_;
  std::vector<SegmentAge> ages_;            // Rising; one for each round.
  std::atomic<std::size_t> held_bytes_{0};  // Of deleted_.
};

}  // namespace narthex::tsdb
