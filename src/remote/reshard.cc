// SPDX-License-Identifier: Apache-2.0
#include "src/remote/reshard.h"

#include <algorithm>
#include <cmath>

namespace narthex::remote {
namespace {

constexpr double kWeight = 0.2;     // Of the newest interval.
constexpr double kTolerance = 0.3;  // Of the current number: changes within it are left out.
constexpr double kCatchUp = 0.05;   // Part of what is left behind to be sent each second.
constexpr double kFarBehindSeconds = 10;

}  // namespace

void Rate::Tick() {
  const std::uint64_t events = events_.exchange(0);
  const double now = static_cast<double>(events) * 1000 / static_cast<double>(kReshardIntervalMs);
  if (started_) {
    per_second_ += kWeight * (now - per_second_);
  } else if (events > 0) {
    started_ = true;
    per_second_ = now;
  }
}

ShardChoice ChooseShards(const SendingState& state, int current, ShardLimits limits) {
  ShardChoice choice{.shards = current};
  if (state.out <= 0) return choice;
  const double kept = state.out / (state.dropped + state.out);
  const double left_behind = state.delay_seconds * state.in * kept;
  const double seconds_per_sample = state.busy_seconds / state.out;
  choice.known = true;
  choice.desired = seconds_per_sample * (state.in * kept + kCatchUp * left_behind);

  const double wanted = std::ceil(choice.desired);
  if (wanted >= current * (1 - kTolerance) && wanted <= current * (1 + kTolerance)) return choice;
  if (wanted < current && state.delay_seconds > kFarBehindSeconds) return choice;
  choice.shards = static_cast<int>(
      std::clamp(wanted, static_cast<double>(limits.min), static_cast<double>(limits.max)));
  return choice;
}

bool MayReshard(model::TimestampMs now_ms, model::TimestampMs last_send_ms,
                model::TimestampMs held_back_until_ms) {
  return last_send_ms >= now_ms - kReshardIntervalMs && now_ms >= held_back_until_ms;
}

}  // namespace narthex::remote
