// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/classic_histogram.h"

#include <algorithm>
#include <random>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace narthex::scrape {
namespace {

model::Histogram ConvertedFrom(const std::vector<int>& bounds) {
  ClassicHistogram classic;
  for (const int bound : bounds) {
    EXPECT_TRUE(classic.SetBucket(bound, 2.0 * bound)) << bound;
  }
  EXPECT_TRUE(classic.SetCount(2.0 * *std::max_element(bounds.begin(), bounds.end())));
  model::AnyHistogram out;
  const Status status = classic.Convert(out);
  EXPECT_TRUE(status) << (status ? "" : status.error().message());
  return std::get<model::Histogram>(out);
}

void ExpectEqual(const model::Histogram& a, const model::Histogram& b) {
  EXPECT_EQ(a.custom_values, b.custom_values);
  EXPECT_EQ(a.positive_spans, b.positive_spans);
  EXPECT_EQ(a.positive_buckets, b.positive_buckets);
  EXPECT_EQ(a.count, b.count);
}

// Few buckets are put in order at once, many at the end.
TEST(ClassicHistogramTest, TheOrderOfBucketsDoesNotMatter) {
  for (const int n : {10, 1'023, 1'024, 1'025, 30'000}) {
    SCOPED_TRACE(n);
    std::vector<int> bounds(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) bounds[static_cast<std::size_t>(i)] = i + 1;
    const model::Histogram rising = ConvertedFrom(bounds);
    EXPECT_EQ(rising.custom_values.size(), static_cast<std::size_t>(n));
    std::vector<int> falling(bounds.rbegin(), bounds.rend());
    ExpectEqual(ConvertedFrom(falling), rising);
    std::vector<int> mixed = bounds;
    std::shuffle(mixed.begin(), mixed.end(), std::mt19937(n));
    mixed.insert(mixed.end(), bounds.begin(), bounds.begin() + 5);  // Again: the first ones count.
    ExpectEqual(ConvertedFrom(mixed), rising);
  }
}

TEST(ClassicHistogramTest, CountsThatFallAreFoundAmongManyBuckets) {
  ClassicHistogram classic;
  for (int i = 5'000; i > 0; --i) {
    (void)classic.SetBucket(i, i == 3'000 ? 1.0 : i);
  }
  model::AnyHistogram out;
  const Status status = classic.Convert(out);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "count is not cumulative: 1 < 2999");
  classic.Reset();
  EXPECT_TRUE(classic.SetBucket(1, 1));
  EXPECT_TRUE(classic.Convert(out));
}

}  // namespace
}  // namespace narthex::scrape
