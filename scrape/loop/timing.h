// SPDX-License-Identifier: Apache-2.0
//
// When a target is scraped. Times are Unix nanoseconds.
#pragma once

#include <cstdint>

namespace narthex::scrape {

/// Time until a target's first scrape. @param offset_ns  its place in the interval, of which one
/// begins with the epoch. @return more than 0 and at most the interval
std::int64_t FirstDelayNs(std::int64_t now_ns, std::int64_t interval_ns, std::int64_t offset_ns);

/// The grid of a running loop.
class ScrapeGrid {
 public:
  ScrapeGrid(std::int64_t first_ns, std::int64_t interval_ns)
      : interval_ns_(interval_ns), aligned_ns_(first_ns), tick_ns_(first_ns) {}

  /// The timestamp of a scrape that begins now: on the grid when it is at most `tolerance_ns`
  /// (and one percent of the interval) late. A negative tolerance switches this off.
  std::int64_t Timestamp(std::int64_t now_ns, std::int64_t tolerance_ns);

  /// The next tick after a scrape that ended now. Ticks that were missed meanwhile count as one,
  /// which is due at once.
  std::int64_t NextTick(std::int64_t now_ns);

 private:
  std::int64_t interval_ns_;
  std::int64_t aligned_ns_;
  std::int64_t tick_ns_;
};

}  // namespace narthex::scrape
