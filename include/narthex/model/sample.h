// SPDX-License-Identifier: Apache-2.0
//
// Float samples and the values with a meaning of their own.
#pragma once

#include <bit>
#include <cstdint>

#include "narthex/model/timestamp.h"

namespace narthex::model {

struct Sample {
  TimestampMs t = 0;
  double v = 0;
};

/// A NaN with a payload that says "this series has ended here" (Prometheus model/value).
inline constexpr std::uint64_t kStaleNaNBits = 0x7ff0000000000002;
/// The NaN that arithmetic and exposition parsing give.
inline constexpr std::uint64_t kNormalNaNBits = 0x7ff8000000000001;
inline constexpr double kStaleNaN = std::bit_cast<double>(kStaleNaNBits);
inline constexpr double kNormalNaN = std::bit_cast<double>(kNormalNaNBits);

/// Compares bits: other NaNs are ordinary values.
inline bool IsStale(double v) { return std::bit_cast<std::uint64_t>(v) == kStaleNaNBits; }

}  // namespace narthex::model
