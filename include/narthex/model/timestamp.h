// SPDX-License-Identifier: Apache-2.0
//
// Times and durations in milliseconds, and Prometheus's text form of durations ("1h30m").
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "narthex/base/result.h"

namespace narthex::model {

using TimestampMs = std::int64_t;  // Unix time.
using DurationMs = std::int64_t;

inline constexpr TimestampMs kMinTime = std::numeric_limits<TimestampMs>::min();
inline constexpr TimestampMs kMaxTime = std::numeric_limits<TimestampMs>::max();

/// a ± b, held at the ends of time.
inline TimestampMs Plus(TimestampMs a, DurationMs b) {
  TimestampMs sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? kMinTime : kMaxTime;
}
inline TimestampMs Minus(TimestampMs a, DurationMs b) {
  TimestampMs difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b < 0 ? kMaxTime : kMinTime;
}

/// "5m", "1h30m", "1y2w3d4h5m6s7ms", "0": each unit once, in falling order.
/// Errors: kInvalidArgument with Prometheus's wording (prometheus/common model.ParseDuration).
Result<DurationMs> ParseDuration(std::string_view text);

/// model.Duration.String(): y and w only when they divide the rest exactly; 0 is "0s".
std::string FormatDuration(DurationMs ms);

}  // namespace narthex::model
