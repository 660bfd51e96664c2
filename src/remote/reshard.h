// SPDX-License-Identifier: Apache-2.0
//
// How many requests a queue should have on their way at the same time.
// Source: Prometheus storage/remote QueueManager.calculateDesiredShards and shouldReshard.
#pragma once

#include <atomic>
#include <cstdint>

#include "narthex/model/timestamp.h"

namespace narthex::remote {

/// How often rates are looked at and the number of shards may change.
inline constexpr model::DurationMs kReshardIntervalMs = 10'000;

/// A rate per second, averaged with weights that fall exponentially.
/// Thread safety: Add any thread; the others one at a time.
class Rate {
 public:
  void Add(std::uint64_t events) { events_.fetch_add(events, std::memory_order_relaxed); }
  /// Once for each interval.
  void Tick();
  double per_second() const { return per_second_; }

 private:
  std::atomic<std::uint64_t> events_{0};
  double per_second_ = 0;
  bool started_ = false;
};

struct ShardLimits {
  int min = 1, max = 1;
};

/// What the number of shards is made of; rates per second.
struct SendingState {
  double in = 0;             // Samples that the log gets.
  double out = 0;            // Samples that were sent, or refused for good.
  double dropped = 0;        // Samples that were not meant to be sent.
  double busy_seconds = 0;   // Of all requests together.
  double delay_seconds = 0;  // How far the latest sample sent is behind the latest in the log.
};

struct ShardChoice {
  double desired = 0;  // As it was calculated; for the metric.
  bool known = false;  // Nothing was sent yet when not.
  int shards = 1;
};

ShardChoice ChooseShards(const SendingState& state, int current, ShardLimits limits);

/// Whether a choice may be acted on: not while nothing gets through or requests are held back.
/// @param last_send_ms      when a request last ended, well or not
/// @param held_back_until_ms  end of the time in which a failure forbids it
bool MayReshard(model::TimestampMs now_ms, model::TimestampMs last_send_ms,
                model::TimestampMs held_back_until_ms);

}  // namespace narthex::remote
