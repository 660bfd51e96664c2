// SPDX-License-Identifier: Apache-2.0
#include "src/remote/otlp_buckets.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/model/sample.h"
#include "src/remote/otlp_exponential.h"

namespace narthex::remote {
namespace {

using Counts = std::vector<std::uint64_t>;
using Spans = std::vector<model::Span>;
using Deltas = std::vector<std::int64_t>;
constexpr std::int32_t kMaxInt = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t kMinInt = std::numeric_limits<std::int32_t>::min();

TEST(OtlpBucketsTest, ExponentialLayouts) {
  const struct {
    const char* name;
    std::int32_t scale, offset;
    Counts counts;
    std::int32_t schema;
    Spans spans;
    Deltas deltas;
  } cases[] = {
      {"none", 0, 5, {}, 0, {}, {}},
      {"dense", 2, 0, {4, 3, 2, 1}, 2, {{1, 4}}, {4, -1, -1, -1}},
      {"negative offset", 0, -3, {1, 1}, 0, {{-2, 2}}, {1, 0}},
      {"small gap is filled", 0, 0, {1, 0, 0, 2}, 0, {{1, 4}}, {1, -1, 0, 2}},
      {"large gap", 0, 0, {1, 0, 0, 0, 2}, 0, {{1, 1}, {3, 1}}, {1, 1}},
      {"empty at the beginning", 0, 0, {0, 0, 1}, 0, {{1, 3}}, {0, 0, 1}},
      {"many empty at the beginning", 0, 0, {0, 0, 0, 0, 1}, 0, {{1, 0}, {4, 1}}, {1}},
      {"empty at the end", 0, 0, {1, 0, 0, 0, 0}, 0, {{1, 1}, {3, 1}}, {1, -1}},
      {"one empty", 0, 7, {0}, 0, {{8, 1}}, {0}},
      {"finer by one", 9, 0, {1, 2, 3, 4}, 8, {{1, 2}}, {3, 4}},
      {"finer by one, odd", 9, 1, {1, 2, 3}, 8, {{1, 2}}, {1, 4}},
      {"much finer", 12, 0, {1, 1, 1, 1}, 8, {{1, 1}}, {4}},
      {"finest", kMaxInt, -5, {1, 1}, 8, {{0, 1}}, {2}},
      {"at the end of the integers", 0, kMaxInt, {1}, 0, {{kMinInt, 1}}, {1}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    proto::OtlpPoint point;
    point.scale = c.scale;
    point.positive = {.offset = c.offset, .counts = c.counts};
    point.negative = point.positive;
    point.count = 7;
    point.zero_count = 3;
    model::Histogram h;
    ASSERT_TRUE(ExponentialToNative(point, false, h));
    EXPECT_EQ(h.schema, c.schema);
    EXPECT_EQ(h.positive_spans, c.spans);
    EXPECT_EQ(h.positive_buckets, c.deltas);
    EXPECT_EQ(h.negative_spans, c.spans);
    EXPECT_EQ(h.negative_buckets, c.deltas);
    EXPECT_EQ(h.count, 7U);
    EXPECT_EQ(h.zero_count, 3U);
    EXPECT_EQ(h.zero_threshold, 1e-128);
    EXPECT_EQ(h.counter_reset_hint, model::CounterResetHint::kUnknown);
  }
}

TEST(OtlpBucketsTest, ExplicitLayouts) {
  const struct {
    const char* name;
    Counts counts;
    Spans spans;
    Deltas deltas;
  } cases[] = {
      {"none", {}, {}, {}},
      {"all empty", {0, 0}, {}, {}},
      {"dense", {1, 3}, {{0, 2}}, {1, 2}},
      {"empty at the beginning", {0, 0, 0, 0, 2}, {{4, 1}}, {2}},
      {"gap", {1, 0, 0, 0, 2}, {{0, 1}, {3, 1}}, {1, 1}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    proto::OtlpPoint point;
    point.bucket_counts = c.counts;
    point.explicit_bounds = {1, 2};
    point.has_sum = true;
    point.sum = 5;
    model::Histogram h;
    ExplicitToNative(point, true, h);
    EXPECT_EQ(h.schema, model::kCustomBucketsSchema);
    EXPECT_EQ(h.positive_spans, c.spans);
    EXPECT_EQ(h.positive_buckets, c.deltas);
    EXPECT_EQ(h.custom_values, point.explicit_bounds);
    EXPECT_EQ(h.sum, 5);
    EXPECT_EQ(h.zero_threshold, 0);
    EXPECT_EQ(h.counter_reset_hint, model::CounterResetHint::kGauge);
  }
}

TEST(OtlpBucketsTest, NothingRecorded) {
  proto::OtlpPoint point;
  point.flags = proto::OtlpPoint::kNoRecordedValue;
  point.sum = 4;
  point.has_sum = true;
  model::Histogram h;
  ASSERT_TRUE(ExponentialToNative(point, false, h));
  EXPECT_TRUE(model::IsStale(h.sum));
  EXPECT_EQ(h.count, model::kStaleNaNBits);
  EXPECT_EQ(HistogramOddity(point, h, true), "");
}

TEST(OtlpBucketsTest, Oddities) {
  proto::OtlpPoint point;
  point.has_sum = true;
  point.sum = 1.5;
  model::Histogram h;
  ExplicitToNative(point, false, h);
  EXPECT_EQ(HistogramOddity(point, h, false),
            "histogram data point has zero count, but non-zero sum: 1.500000");
  EXPECT_EQ(HistogramOddity(point, h, true),
            "exponential histogram data point has zero count, but non-zero sum: 1.500000");
  point.count = 1;
  EXPECT_EQ(HistogramOddity(point, h, true), "");
}

ExponentialCounts Shape(std::int32_t scale, std::int32_t offset, Counts counts,
                        std::uint64_t zeros = 0, double threshold = 0) {
  return {.scale = scale,
          .zero_count = zeros,
          .zero_threshold = threshold,
          .positive = {.offset = offset, .counts = counts},
          .negative = {.offset = offset, .counts = counts}};
}

// Expected sums follow the cases of deltatocumulativeprocessor's own tests.
TEST(OtlpBucketsTest, SumsOfExponentials) {
  Counts ones(100, 1);
  Counts far(100, 2);
  const struct {
    const char* name;
    ExponentialCounts sum, other, want;
  } cases[] = {
      {"nothing", Shape(0, 0, {}), Shape(0, 3, {}), Shape(0, 0, {})},
      {"to nothing", Shape(0, 0, {}), Shape(0, 3, {1, 2}), Shape(0, 3, {1, 2})},
      {"nothing to it", Shape(0, 3, {1, 2}), Shape(0, 0, {}), Shape(0, 3, {1, 2})},
      {"same", Shape(0, 0, {1, 2}), Shape(0, 0, {3, 4}, 5), Shape(0, 0, {4, 6}, 5)},
      {"lower and shorter", Shape(0, 2, {1, 1, 1}), Shape(0, -1, {1, 1, 1, 1, 1}),
       Shape(0, -1, {1, 1, 1, 2, 2, 1})},
      {"negative offsets", Shape(0, -2, {1, 2}), Shape(0, -5, {1, 2, 3}),
       Shape(0, -5, {1, 2, 3, 1, 2})},
      {"empty ends are cut", Shape(0, -2, {0, 0, 1, 5, 5, 1, 0, 0}),
       Shape(0, 0, {0, 2, 2, 3, 3, 2, 2, 0}), Shape(0, 0, {1, 7, 7, 4, 3, 2, 2})},
      {"all empty", Shape(0, 1, {0, 0}), Shape(0, 5, {0}), Shape(0, 6, {})},
      {"coarser", Shape(1, 0, {1, 1, 1, 1}), Shape(0, 0, {2, 2}), Shape(0, 0, {4, 4})},
      {"finer is added", Shape(0, 0, {2, 2}), Shape(1, 1, {1, 1, 1}), Shape(0, 0, {3, 4})},
      {"too wide", Shape(0, 0, ones), Shape(0, 100, far),
       Shape(-1, 0,
             [] {
               Counts joined(50, 2);
               joined.resize(100, 4);
               return joined;
             }())},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    ExponentialCounts sum = c.sum;
    ExponentialCounts other = c.other;
    AddExponential(sum, other);
    EXPECT_EQ(sum.scale, c.want.scale);
    EXPECT_EQ(sum.zero_count, c.want.zero_count);
    EXPECT_EQ(sum.positive.offset, c.want.positive.offset);
    EXPECT_EQ(sum.positive.counts, c.want.positive.counts);
    EXPECT_EQ(sum.negative.counts, c.want.negative.counts);
  }
}

TEST(OtlpBucketsTest, WiderZeroBuckets) {
  // Bucket 0 is (1, 2]: all of it is within the wider zero bucket, and so are those below.
  ExponentialCounts sum = Shape(0, -1, {1, 2, 3, 4}, 5, 0);
  ExponentialCounts other = Shape(0, 1, {1, 1}, 7, 2);
  AddExponential(sum, other);
  EXPECT_EQ(sum.zero_threshold, 2);
  EXPECT_EQ(sum.zero_count, 5U + 2 * (1 + 2) + 7);
  EXPECT_EQ(sum.positive.offset, 1);
  EXPECT_EQ(sum.positive.counts, (Counts{4, 5}));
}

// Whatever the numbers are, the work is in proportion to the buckets.
TEST(OtlpBucketsTest, HostileNumbers) {
  const double kNaN = std::numeric_limits<double>::quiet_NaN();
  const double kInf = std::numeric_limits<double>::infinity();
  for (const std::int32_t scale : {kMinInt, -1, 0, 1, 20, kMaxInt}) {
    for (const std::int32_t offset : {kMinInt, kMinInt + 1, -1, 0, kMaxInt - 1}) {
      for (const double threshold : {0.0, -1.0, 1e300, kNaN, kInf, -kInf}) {
        ExponentialCounts sum = Shape(3, -7, {0, 1, 0});
        ExponentialCounts other = Shape(scale, offset, {1, 0, 1}, 1, threshold);
        AddExponential(sum, other);
        EXPECT_LE(sum.positive.counts.size(), 162U);
        AddExponential(sum, other);
      }
    }
  }
}

}  // namespace
}  // namespace narthex::remote
