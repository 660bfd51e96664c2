// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/clock.h"

#include <time.h>

namespace narthex {
namespace {

std::int64_t ReadNs(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return static_cast<std::int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

class RealClock final : public Clock {
 public:
  std::int64_t NowMs() const override { return NowNs() / 1'000'000; }
  std::int64_t NowNs() const override { return ReadNs(CLOCK_REALTIME); }
  std::int64_t MonotonicNs() const override { return ReadNs(CLOCK_MONOTONIC); }
};

}  // namespace

Clock& SystemClock() {
  static RealClock clock;
  return clock;
}

}  // namespace narthex
