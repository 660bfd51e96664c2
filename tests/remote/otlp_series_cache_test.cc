// SPDX-License-Identifier: Apache-2.0
#include "src/remote/otlp_series_cache.h"

#include <gtest/gtest.h>

namespace narthex::remote {
namespace {

Hash128 Id(std::uint64_t n) { return {.low = n * 0x9e3779b97f4a7c15, .high = n}; }

TEST(OtlpSeriesCacheTest, FindsWhatWasPut) {
  OtlpSeriesCache cache;
  EXPECT_FALSE(cache.Find(Id(1)));
  cache.Put(Id(1), storage::SeriesRef{7});
  ASSERT_TRUE(cache.Find(Id(1)));
  EXPECT_EQ(cache.Find(Id(1))->ref, storage::SeriesRef{7});
  EXPECT_EQ(cache.Find(Id(1))->metadata, 0U);
  cache.SetMetadata(Id(1), 5);
  cache.SetMetadata(Id(2), 5);
  EXPECT_EQ(cache.Find(Id(1))->metadata, 5U);
  EXPECT_FALSE(cache.Find(Id(2)));
  cache.Put(Id(1), storage::SeriesRef{8});
  EXPECT_EQ(cache.Find(Id(1))->metadata, 0U) << "another series has none yet";
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_GT(cache.memory_bytes(), 0U);
  cache.Erase(Id(1));
  EXPECT_FALSE(cache.Find(Id(1)));
}

TEST(OtlpSeriesCacheTest, ForgetsWithTime) {
  OtlpSeriesCache cache;
  model::TimestampMs now = 1'700'000'000'000;
  cache.Tick(now);
  cache.Put(Id(1), storage::SeriesRef{1});
  cache.Put(Id(2), storage::SeriesRef{2});
  cache.Tick(now += OtlpSeriesCache::kPeriodMs);
  EXPECT_TRUE(cache.Find(Id(1)));  // Asked for, so it stays.
  cache.Tick(now += OtlpSeriesCache::kPeriodMs);
  EXPECT_TRUE(cache.Find(Id(1)));
  EXPECT_FALSE(cache.Find(Id(2)));
  cache.Tick(now - 10 * OtlpSeriesCache::kPeriodMs);  // The clock was set back.
  cache.Tick(now - 9 * OtlpSeriesCache::kPeriodMs);
  cache.Tick(now - 8 * OtlpSeriesCache::kPeriodMs);
  EXPECT_FALSE(cache.Find(Id(1)));
}

TEST(OtlpSeriesCacheTest, HasABound) {
  OtlpSeriesCache cache(1000);
  for (std::uint64_t i = 0; i < 10'000; ++i) cache.Put(Id(i), storage::SeriesRef{i + 1});
  EXPECT_LE(cache.size(), 1000U);
}

}  // namespace
}  // namespace narthex::remote
