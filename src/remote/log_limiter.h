// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "narthex/base/clock.h"

namespace narthex::remote {

/// Lets one message a minute through. Thread safety: any thread.
class LogLimiter {
 public:
  explicit LogLimiter(const Clock& clock) : clock_(clock) {}

  bool Allow() {
    constexpr std::int64_t kMinuteNs = 60'000'000'000;
    const std::int64_t now = clock_.MonotonicNs();
    std::int64_t next = next_ns_.load();
    return now >= next && next_ns_.compare_exchange_strong(next, now + kMinuteNs);
  }

 private:
  const Clock& clock_;
  std::atomic<std::int64_t> next_ns_{0};
};

}  // namespace narthex::remote
