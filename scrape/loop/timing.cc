// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/timing.h"

#include <algorithm>

namespace narthex::scrape {

std::int64_t FirstDelayNs(std::int64_t now_ns, std::int64_t interval_ns, std::int64_t offset_ns) {
  const std::int64_t delay = interval_ns - now_ns % interval_ns + offset_ns;
  return delay > interval_ns ? delay - interval_ns : delay;
}

std::int64_t ScrapeGrid::Timestamp(std::int64_t now_ns, std::int64_t tolerance_ns) {
  if (tolerance_ns < 0) return now_ns;
  if (now_ns - aligned_ns_ >= interval_ns_) {
    aligned_ns_ += (now_ns - aligned_ns_) / interval_ns_ * interval_ns_;
  }
  const std::int64_t tolerance = std::min(tolerance_ns, interval_ns_ / 100);
  return now_ns - aligned_ns_ <= tolerance ? aligned_ns_ : now_ns;
}

std::int64_t ScrapeGrid::NextTick(std::int64_t now_ns) {
  tick_ns_ += interval_ns_;
  if (now_ns - tick_ns_ >= interval_ns_) {
    tick_ns_ += (now_ns - tick_ns_) / interval_ns_ * interval_ns_;
  }
  return tick_ns_;
}

}  // namespace narthex::scrape
