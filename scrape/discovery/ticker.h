// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace narthex::scrape {

/// Ticks at multiples of an interval; of those that nobody waited for one is kept.
/// Source: Go's time.Ticker.
class Ticker final {
 public:
  using Clock = std::chrono::steady_clock;
  using TimePoint = Clock::time_point;

  Ticker(TimePoint start, Clock::duration interval)
      : interval_(interval > Clock::duration::zero() ? interval : Clock::duration(1)),
        next_(start + interval_) {}

  /// When somebody who begins to wait now may go on.
  TimePoint Next(TimePoint now) {
    if (now < next_) {
      const TimePoint tick = next_;
      next_ += interval_;
      return tick;
    }
    next_ += ((now - next_) / interval_ + 1) * interval_;
    return now;
  }

 private:
  const Clock::duration interval_;
  TimePoint next_;
};

}  // namespace narthex::scrape
