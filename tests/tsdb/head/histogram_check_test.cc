// SPDX-License-Identifier: Apache-2.0
//
// Property: a histogram that is taken for valid can be stored, alone and after others, in memory
// and in the places of full chunks, and is read back as it was.
#include "narthex/tsdb/histogram_check.h"

#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "tsdb/head/chunk_store.h"

namespace narthex::tsdb {
namespace {

using model::FloatHistogram;
using model::Histogram;
using model::Span;

// Numbers around those at which something changes.
std::int64_t Edge(std::mt19937_64& random) {
  constexpr int kMostBits = 33;
  const auto power = std::int64_t{1} << (random() % kMostBits);
  const auto near = power + static_cast<std::int64_t>(random() % 3) - 1;
  return random() % 4 == 0 ? -near : near;
}

template <typename H>
void AddBuckets(std::mt19937_64& random, std::vector<Span>& spans, H& h, bool positive) {
  const std::size_t num_spans = random() % 4;
  auto& buckets = positive ? h.positive_buckets : h.negative_buckets;
  for (std::size_t i = 0; i < num_spans; ++i) {
    const auto offset = static_cast<std::int32_t>(Edge(random));
    const auto length = static_cast<std::uint32_t>(random() % 4 == 0 ? random() % 5000 : i);
    spans.push_back({offset, length});
    buckets.resize(buckets.size() + length);
  }
  if (!buckets.empty()) buckets[0] = 1;
}

template <typename H>
H AnyHistogram(std::mt19937_64& random) {
  H h;
  h.schema = static_cast<std::int32_t>(random() % 16) - 5;
  h.sum = 1;
  AddBuckets(random, h.positive_spans, h, true);
  if (random() % 8 == 0) {
    h.schema = model::kCustomBucketsSchema;
    const std::size_t bounds = random() % 70'000;
    for (std::size_t i = 0; i < bounds; ++i) {
      h.custom_values.push_back(static_cast<double>(i) + 1.0 / 3);
    }
  } else {
    AddBuckets(random, h.negative_spans, h, false);
  }
  for (const auto* buckets : {&h.positive_buckets, &h.negative_buckets}) {
    // The integer form has differences: a one, and no difference after it.
    if (buckets->empty()) continue;
    h.count += static_cast<decltype(h.count)>(
        std::is_same_v<H, Histogram> ? static_cast<double>(buckets->size()) : 1.0);
  }
  return h;
}

/// Chunks as the head has them, with what is to be in them.
template <typename H>
class Stored {
 public:
  void Append(const H& h) {
    store_.AppendHistogram(series_, static_cast<model::TimestampMs>(want_.size() + 1), h);
    want_.push_back(h);
  }
  void Check() {
    store_.CutOpen(series_);
    std::vector<H> got;
    for (const auto& chunk : store_.FullChunks(series_)) {
      const auto samples = ReadHistograms<H>(chunk.encoding(), store_.MemoryBytes(chunk));
      ASSERT_TRUE(samples) << samples.error().message();
      for (const auto& [t, h, start] : *samples) got.push_back(h);
    }
    ASSERT_EQ(got.size(), want_.size());
    for (std::size_t i = 0; i < want_.size(); ++i) {
      EXPECT_EQ(got[i].count, want_[i].count) << i;
      EXPECT_EQ(got[i].sum, want_[i].sum) << i;
      EXPECT_EQ(got[i].custom_values, want_[i].custom_values) << i;
    }
    // What is freed with a wrong size would take the next ones with it.
    store_.DropFull(series_, store_.FullChunks(series_).size());
  }

 private:
  ChunkStore store_{ChunkLimits{}};
  MemSeries series_;
  std::vector<H> want_;
};

template <typename H>
void EveryValidOneIsReadBack() {
  std::mt19937_64 random(15);
  int valid = 0;
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    Stored<H> stored;
    for (int i = 0; i < 3; ++i) {
      const H h = AnyHistogram<H>(random);
      if (!IsValidHistogram(h)) continue;
      ++valid;
      stored.Append(h);
    }
    stored.Check();
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(valid, 50);
}

TEST(HistogramCheckTest, EveryValidIntegerOneIsReadBack) { EveryValidOneIsReadBack<Histogram>(); }
TEST(HistogramCheckTest, EveryValidFloatOneIsReadBack) {
  EveryValidOneIsReadBack<FloatHistogram>();
}

template <typename H>
H WithBuckets(std::size_t n, std::int32_t offset = 0) {
  H h;
  h.positive_spans = {{offset, static_cast<std::uint32_t>(n)}};
  h.positive_buckets.resize(n);
  h.positive_buckets[0] = 1;
  h.count = static_cast<decltype(h.count)>(std::is_same_v<H, Histogram> ? n : 1);
  return h;
}

TEST(HistogramCheckTest, IndexesThatNoChunkCanTellAreNotValid) {
  for (const std::int32_t far : {600'000'000, -600'000'000}) {
    SCOPED_TRACE(far);
    EXPECT_FALSE(IsValidHistogram(WithBuckets<Histogram>(1, far)));
    EXPECT_FALSE(IsValidHistogram(WithBuckets<FloatHistogram>(1, far)));
  }
  // The finest schema has 2^18 buckets from 1 to the largest double, and more for the small ones.
  for (const std::int32_t reached : {1 << 19, -(1 << 19)}) {
    SCOPED_TRACE(reached);
    EXPECT_TRUE(IsValidHistogram(WithBuckets<Histogram>(1, reached)));
  }
  Histogram h = WithBuckets<Histogram>(1);
  h.positive_spans.assign(10, {100'000'000, 0});
  h.positive_spans.back().length = 1;
  EXPECT_FALSE(IsValidHistogram(h));
}

TEST(HistogramCheckTest, SpansAndBoundsAreLimitedAsBucketsAre) {
  Histogram h = WithBuckets<Histogram>(1);
  h.positive_spans.resize(300'000);
  EXPECT_FALSE(IsValidHistogram(h));
  h.positive_spans.resize(1000);
  EXPECT_TRUE(IsValidHistogram(h));

  FloatHistogram custom = WithBuckets<FloatHistogram>(1);
  custom.schema = model::kCustomBucketsSchema;
  for (int i = 0; i < 70'000; ++i) custom.custom_values.push_back(i + 1.0 / 3);
  EXPECT_FALSE(IsValidHistogram(custom));
  custom.custom_values.resize(9'000);
  EXPECT_TRUE(IsValidHistogram(custom));
}

// More than 16 bits can count.
TEST(HistogramCheckTest, LargeChunksKeepTheirSize) {
  Stored<FloatHistogram> stored;
  for (int i = 0; i < 30; ++i) {
    FloatHistogram h = WithBuckets<FloatHistogram>(10'000);
    for (double& bucket : h.positive_buckets) bucket = i + 1.0 / 3;
    h.count = i + 1;
    ASSERT_TRUE(IsValidHistogram(h));
    stored.Append(h);
  }
  stored.Check();
}

// A chunk of many small samples is not encoded anew with all the buckets of a large one when that
// would make it larger than its place can tell.
TEST(HistogramCheckTest, SmallOnesAreNotWidenedWithoutLimit) {
  Stored<Histogram> stored;
  for (int i = 0; i < 1000; ++i) stored.Append(WithBuckets<Histogram>(1));
  stored.Append(WithBuckets<Histogram>(60'000));
  stored.Check();
}

}  // namespace
}  // namespace narthex::tsdb
