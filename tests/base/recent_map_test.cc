// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/recent_map.h"

#include <gtest/gtest.h>

#include "narthex/base/shared_recent_map.h"

namespace narthex {
namespace {

Hash128 Id(std::uint64_t n) { return {.low = n * 0x9e3779b97f4a7c15, .high = n}; }

TEST(RecentMapTest, ForgetsTheOlderHalf) {
  RecentMap<int> map(4);
  for (int i = 0; i < 4; ++i) map.Put(Id(i), i);
  EXPECT_EQ(map.size(), 4U);
  ASSERT_NE(map.Find(Id(0)), nullptr);  // Now among the recent ones: 2 and 3 are the older ones.
  EXPECT_EQ(*map.Find(Id(0)), 0);
  map.Put(Id(4), 4);
  map.Put(Id(5), 5);
  EXPECT_EQ(map.Find(Id(2)), nullptr);
  ASSERT_NE(map.Find(Id(5)), nullptr);
  map.Erase(Id(5));
  EXPECT_EQ(map.Find(Id(5)), nullptr);
  for (int i = 0; i < 1000; ++i) map.Put(Id(i), i);
  EXPECT_LE(map.size(), 4U);
  EXPECT_LT(map.memory_bytes(), 1000U);
}

TEST(RecentMapTest, ValuesChangeInPlace) {
  RecentMap<int> map(10);
  map.Put(Id(1), 1);
  *map.Find(Id(1)) = 2;
  map.Age();
  EXPECT_EQ(*map.Find(Id(1)), 2) << "an older one becomes recent";
  map.Age();
  map.Age();
  EXPECT_EQ(map.Find(Id(1)), nullptr);
}

TEST(SharedRecentMapTest, PartsMakeAWhole) {
  SharedRecentMap<int> map(1600);
  EXPECT_FALSE(map.Find(Id(1)));
  for (int i = 0; i < 100; ++i) map.Put(Id(i), i);
  EXPECT_EQ(map.size(), 100U);
  EXPECT_GT(map.memory_bytes(), 100 * sizeof(int));
  map.Update(Id(7), [](int& value) { value = 70; });
  map.Update(Id(100), [](int&) { FAIL(); });
  EXPECT_EQ(map.Find(Id(7)), 70);
  map.Erase(Id(7));
  EXPECT_FALSE(map.Find(Id(7)));
  for (int i = 0; i < 100'000; ++i) map.Put(Id(i), i);
  EXPECT_LE(map.size(), 1600U);
}

TEST(SharedRecentMapTest, ForgetsWithTime) {
  constexpr std::int64_t kPeriod = SharedRecentMap<int>::kPeriodMs;
  SharedRecentMap<int> map(1600);
  std::int64_t now = 1'700'000'000'000;
  map.Tick(now);
  map.Put(Id(1), 1);
  map.Put(Id(2), 2);
  map.Tick(now += kPeriod);
  EXPECT_EQ(map.Find(Id(1)), 1);
  map.Tick(now += kPeriod);
  EXPECT_EQ(map.Find(Id(1)), 1);
  EXPECT_FALSE(map.Find(Id(2)));
}

}  // namespace
}  // namespace narthex
