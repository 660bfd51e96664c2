// SPDX-License-Identifier: Apache-2.0
//
// Warnings about what others send, which may be wrong a thousand times a second.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string_view>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"

namespace narthex::web {

/// Logs the first warning of each minute; the others are told as a number with the next one.
/// Thread safety: any thread.
class MinuteLog final {
 public:
  explicit MinuteLog(Clock& clock) : clock_(clock) {}

  void Warn(std::string_view message, std::initializer_list<log::Field> fields,
            log::Where where = log::Where()) {
    if (!log::Enabled(log::Level::kWarn)) return;
    constexpr std::int64_t kMinuteNs = 60'000'000'000;
    const std::int64_t now_ns = clock_.MonotonicNs();
    std::int64_t next_ns = next_ns_.load();
    if (now_ns < next_ns || !next_ns_.compare_exchange_strong(next_ns, now_ns + kMinuteNs)) {
      ++untold_;
      return;
    }
    log::Write(log::Level::kWarn, message, fields, where);
    if (const std::uint64_t untold = untold_.exchange(0); untold > 0) {
      log::Write(log::Level::kWarn, "More of these were not logged", {{"count", untold}}, where);
    }
  }

 private:
  Clock& clock_;
  std::atomic<std::int64_t> next_ns_{std::numeric_limits<std::int64_t>::min()};
  std::atomic<std::uint64_t> untold_{0};
};

}  // namespace narthex::web
