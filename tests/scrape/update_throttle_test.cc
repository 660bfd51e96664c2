// SPDX-License-Identifier: Apache-2.0
#include "scrape/pool/update_throttle.h"

#include <gtest/gtest.h>

namespace narthex::scrape {
namespace {

constexpr std::int64_t kMs = 1'000'000;

TEST(UpdateThrottleTest, SlowsDownWhileChangesKeepComing) {
  UpdateThrottle throttle({});
  EXPECT_FALSE(throttle.due_ns());
  throttle.Change(1000 * kMs);
  throttle.Change(1050 * kMs);  // Together with the first.
  EXPECT_EQ(throttle.due_ns(), 1100 * kMs);
  std::int64_t now = 1100 * kMs;
  std::int64_t last = 100 * kMs;
  for (int i = 0; i < 20; ++i) {
    throttle.Sent(now);
    EXPECT_FALSE(throttle.due_ns());
    throttle.Change(now);
    const std::int64_t delay = *throttle.due_ns() - now;
    EXPECT_GE(delay, last);
    EXPECT_LE(delay, 5000 * kMs);
    last = delay;
    now += delay;
  }
  EXPECT_EQ(last, 5000 * kMs);
  throttle.Sent(now);
  now += 5001 * kMs;  // A quiet time.
  throttle.Change(now);
  EXPECT_EQ(throttle.due_ns(), now + 100 * kMs);
}

}  // namespace
}  // namespace narthex::scrape
