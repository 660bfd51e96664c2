// SPDX-License-Identifier: Apache-2.0
//
// Time, injected, so that tests control it and never sleep.
#pragma once

#include <cstdint>

namespace narthex {

/// Thread safety: any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Unix time in milliseconds.
  virtual std::int64_t NowMs() const = 0;
  /// Unix time in nanoseconds.
  virtual std::int64_t NowNs() const = 0;
  /// Nanoseconds from a fixed point; never goes back.
  virtual std::int64_t MonotonicNs() const = 0;
};

/// The machine's clocks. Lives until the process ends.
Clock& SystemClock();

}  // namespace narthex
