// SPDX-License-Identifier: Apache-2.0
//
// Messages about what others do, which may be wrong a thousand times a second.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string_view>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"

namespace narthex {

/// Logs the first message of each minute; the others are told as a number with the next one.
/// Thread safety: any thread.
class MinuteLog final {
 public:
  explicit MinuteLog(const Clock& clock) : clock_(clock) {}

  void Warn(std::string_view message, std::initializer_list<log::Field> fields,
            log::Where where = log::Where()) {
    Write(log::Level::kWarn, message, fields, where);
  }
  void Error(std::string_view message, std::initializer_list<log::Field> fields,
             log::Where where = log::Where()) {
    Write(log::Level::kError, message, fields, where);
  }

 private:
  void Write(log::Level level, std::string_view message, std::initializer_list<log::Field> fields,
             log::Where where) {
    if (!log::Enabled(level)) return;
    constexpr std::int64_t kMinuteNs = 60'000'000'000;
    const std::int64_t now_ns = clock_.MonotonicNs();
    std::int64_t next_ns = next_ns_.load();
    if (now_ns < next_ns || !next_ns_.compare_exchange_strong(next_ns, now_ns + kMinuteNs)) {
      ++untold_;
      return;
    }
    log::Write(level, message, fields, where);
    if (const std::uint64_t untold = untold_.exchange(0); untold > 0) {
      log::Write(level, "More of these were not logged", {{"count", untold}}, where);
    }
  }

  const Clock& clock_;
  std::atomic<std::int64_t> next_ns_{std::numeric_limits<std::int64_t>::min()};
  std::atomic<std::uint64_t> untold_{0};
};

}  // namespace narthex
