// SPDX-License-Identifier: Apache-2.0
#include "narthex/model/float_histogram.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace narthex::model {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

FloatHistogram Exponential(std::int32_t schema, std::int32_t offset, std::vector<double> counts) {
  FloatHistogram h;
  h.schema = schema;
  h.positive_spans = {{offset, static_cast<std::uint32_t>(counts.size())}};
  for (const double c : counts) h.count += c;
  h.positive_buckets = std::move(counts);
  return h;
}

FloatHistogram Custom(std::vector<double> bounds, std::vector<double> counts) {
  FloatHistogram h = Exponential(kCustomBucketsSchema, 0, std::move(counts));
  h.custom_values = std::move(bounds);
  return h;
}

TEST(FloatHistogramTest, Bounds) {
  const struct {
    std::int32_t index, schema;
    double bound;
  } cases[] = {
      {0, 0, 1},
      {1, 0, 2},
      {-3, 0, 0.125},
      {1024, 0, std::numeric_limits<double>::max()},
      {1, -1, 4},
      {-1, -4, 0x1p-16},
      {64, -4, std::numeric_limits<double>::max()},
      // Upstream's table; the nearest double to the root of one half would end in …76.
      {1, 1, 2 * 0.7071067811865475},
      {3, 2, 2 * 0.8408964152537144},
      {-1, 3, 0.9170040432046711},
      {2048, 1, std::numeric_limits<double>::max()},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.index);
    EXPECT_EQ(ExponentialBound(c.index, c.schema), c.bound);
  }
}

TEST(FloatHistogramTest, CursorSkipsGapsAndEmptySpans) {
  const std::vector<Span> spans = {{-2, 1}, {0, 0}, {3, 2}};
  const std::vector<double> counts = {1, 2, 3};
  std::vector<std::int32_t> indexes;
  for (BucketCursor c(spans, counts); c.Next();) indexes.push_back(c.index());
  EXPECT_EQ(indexes, (std::vector<std::int32_t>{-2, 2, 3}));
}

TEST(FloatHistogramTest, CursorStopsWhereSpansEnd) {
  const std::vector<Span> spans = {{0, 1}};
  const std::vector<double> counts = {1, 2};
  BucketCursor c(spans, counts);
  EXPECT_TRUE(c.Next());
  EXPECT_FALSE(c.Next());
}

TEST(FloatHistogramTest, AddBringsToTheLowerSchema) {
  FloatHistogram h = Exponential(1, 1, {1, 2, 3, 4});  // Buckets 1…4 of schema 1.
  const FloatHistogram other = Exponential(0, 1, {10, 20});
  EXPECT_TRUE(Add(h, other).compatible);
  EXPECT_EQ(h.schema, 0);
  // Indexes 1 and 2 become 1, 3 and 4 become 2.
  EXPECT_EQ(h.positive_buckets, (std::vector<double>{13, 27}));
  EXPECT_EQ(h.count, 40);
  FloatHistogram reverse = other;
  EXPECT_TRUE(Add(reverse, Exponential(1, 1, {1, 2, 3, 4})).compatible);
  EXPECT_TRUE(SameHistogram(h, reverse));
}

TEST(FloatHistogramTest, AddWidensTheZeroBucket) {
  FloatHistogram wide;
  wide.zero_threshold = 1.5;  // Cuts the bucket (1,2] of the other.
  wide.zero_count = 5;
  wide.count = 5;
  FloatHistogram h = Exponential(0, 0, {1, 2, 4});  // (0.5,1], (1,2], (2,4].
  h.zero_threshold = 0.001;
  h.zero_count = 8;
  EXPECT_TRUE(Add(h, wide).compatible);
  EXPECT_EQ(h.zero_threshold, 2);
  EXPECT_EQ(h.zero_count, 8 + 1 + 2 + 5);
  Compact(h);
  EXPECT_EQ(h.positive_buckets, (std::vector<double>{4}));
}

TEST(FloatHistogramTest, OwnBucketsInsideTheZeroBucketStay) {
  // Of the other one they are left out, as in Prometheus; such histograms are malformed.
  FloatHistogram h = Exponential(0, -9, {3});
  h.zero_threshold = 0.25;
  const FloatHistogram other = h;
  Add(h, other);
  EXPECT_EQ(h.positive_buckets, (std::vector<double>{3}));
}

TEST(FloatHistogramTest, CustomBoundsAreCutToTheCommonOnes) {
  FloatHistogram h = Custom({1, 2, 3}, {1, 2, 3, 4});
  const AddOutcome outcome = Add(h, Custom({1, 3, 5}, {10, 20, 30, 40}));
  EXPECT_TRUE(outcome.bounds_reconciled);
  EXPECT_EQ(h.custom_values, (std::vector<double>{1, 3}));
  EXPECT_EQ(h.positive_buckets, (std::vector<double>{11, 25, 74}));
}

TEST(FloatHistogramTest, ExponentialAndCustomDoNotMix) {
  FloatHistogram h = Custom({1}, {1, 2});
  const FloatHistogram before = h;
  EXPECT_FALSE(Add(h, Exponential(0, 0, {1})).compatible);
  EXPECT_TRUE(SameHistogram(h, before));
}

TEST(FloatHistogramTest, ResetHints) {
  using enum CounterResetHint;
  const struct {
    CounterResetHint a, b, sum;
    bool collision;
  } cases[] = {{kUnknown, kUnknown, kUnknown, false}, {kReset, kReset, kReset, false},
               {kGauge, kReset, kGauge, false},       {kNotReset, kGauge, kGauge, false},
               {kUnknown, kReset, kUnknown, false},   {kNotReset, kUnknown, kUnknown, false},
               {kReset, kNotReset, kUnknown, true},   {kNotReset, kReset, kUnknown, true}};
  for (const auto& c : cases) {
    CounterResetHint hint = c.a;
    EXPECT_EQ(CombineResetHint(hint, c.b), c.collision);
    EXPECT_EQ(hint, c.sum);
  }
}

TEST(FloatHistogramTest, SumIsCompensated) {
  HistogramSum sum(Exponential(0, 0, {1e16}));
  for (int i = 0; i < 10; ++i) sum.Add(Exponential(0, 0, {1}));
  sum.Add(Exponential(0, 0, {-1e16}));
  EXPECT_EQ(sum.Total().positive_buckets, (std::vector<double>{10}));
}

TEST(FloatHistogramTest, SumIsCompensatedWhereBucketsBecomeOne) {
  // Both finer buckets lie in (1, 2] of the coarser schema.
  const FloatHistogram fine = Exponential(1, 1, {1e16, 1});
  const FloatHistogram coarse = Exponential(0, 1, {-1e16});
  HistogramSum finer_first(fine);
  finer_first.Add(coarse);
  EXPECT_EQ(finer_first.Total().positive_buckets, (std::vector<double>{1}));
  HistogramSum coarser_first(coarse);
  coarser_first.Add(fine);
  EXPECT_EQ(coarser_first.Total().positive_buckets, (std::vector<double>{1}));
  HistogramSum in_a_gap(Exponential(0, 5, {2}));
  in_a_gap.Add(fine);
  in_a_gap.Add(coarse);
  EXPECT_EQ(in_a_gap.Total().positive_buckets, (std::vector<double>{1, 2}));
}

TEST(FloatHistogramTest, SumIsCompensatedInGrowingZeroBuckets) {
  FloatHistogram wide;
  wide.zero_threshold = 1;
  wide.zero_count = -1e16;
  FloatHistogram narrow = Exponential(0, 0, {1});  // (0.5, 1]
  narrow.zero_threshold = 0.5;
  narrow.zero_count = 1e16;
  HistogramSum wide_first(wide);
  wide_first.Add(narrow);
  EXPECT_EQ(wide_first.Total().zero_count, 1);
  HistogramSum narrow_first(narrow);
  narrow_first.Add(wide);
  EXPECT_EQ(narrow_first.Total().zero_count, 1);
}

TEST(FloatHistogramTest, DivisionByZeroRemovesBuckets) {
  FloatHistogram h = Exponential(0, 0, {1, 2});
  Divide(h, 0);
  EXPECT_TRUE(h.positive_buckets.empty());
  EXPECT_EQ(h.count, kInf);
  EXPECT_TRUE(std::isnan(h.sum));
}

TEST(FloatHistogramTest, DetectReset) {
  const FloatHistogram base = Exponential(1, 1, {1, 2, 3, 4});
  FloatHistogram more = Exponential(1, 1, {1, 2, 4, 4});
  EXPECT_FALSE(DetectReset(base, base));
  EXPECT_FALSE(DetectReset(more, base));
  EXPECT_TRUE(DetectReset(base, more));
  // Same count, but one bucket fell.
  EXPECT_TRUE(DetectReset(Exponential(1, 1, {2, 1, 3, 4}), base));
  // A coarser schema is no reset, a finer one is.
  EXPECT_FALSE(DetectReset(Exponential(0, 1, {3, 7}), base));
  EXPECT_TRUE(DetectReset(base, Exponential(0, 1, {3, 7})));
  // A bucket that is gone.
  EXPECT_TRUE(DetectReset(Exponential(1, 2, {3, 3, 4}), base));
  // Hints decide alone.
  more.counter_reset_hint = CounterResetHint::kReset;
  EXPECT_TRUE(DetectReset(more, base));
  FloatHistogram less = Exponential(1, 1, {0, 0, 0, 1});
  less.counter_reset_hint = CounterResetHint::kNotReset;
  EXPECT_FALSE(DetectReset(less, base));
  // A wider zero bucket is one only where it cuts a populated bucket.
  FloatHistogram wide = Exponential(1, 3, {3, 4});
  wide.zero_threshold = 2;
  wide.zero_count = 3;
  wide.count = 10;
  EXPECT_FALSE(DetectReset(wide, base));
  wide.zero_threshold = 1.9;
  EXPECT_TRUE(DetectReset(wide, base));
}

TEST(FloatHistogramTest, QuantileEdges) {
  std::vector<Bucket> scratch;
  NanNote note;
  const FloatHistogram h = Exponential(0, 1, {4, 4});  // (1,2], (2,4].
  EXPECT_EQ(Quantile(-1, h, scratch, note), -kInf);
  EXPECT_EQ(Quantile(2, h, scratch, note), kInf);
  EXPECT_TRUE(std::isnan(Quantile(kNan, h, scratch, note)));
  EXPECT_TRUE(std::isnan(Quantile(0.5, FloatHistogram(), scratch, note)));
  EXPECT_DOUBLE_EQ(Quantile(0.25, h, scratch, note), std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(Quantile(0.5, h, scratch, note), 2);
  EXPECT_DOUBLE_EQ(Quantile(1, h, scratch, note), 4);
  // The last bucket of custom bounds has no upper end.
  EXPECT_EQ(Quantile(1, Custom({1, 2}, {1, 1, 5}), scratch, note), 2);
  EXPECT_EQ(Quantile(0.5, Custom({-1, 2}, {5, 1, 1}), scratch, note), -1);
}

TEST(FloatHistogramTest, QuantileWithNanObservations) {
  std::vector<Bucket> scratch;
  NanNote note;
  FloatHistogram h = Exponential(0, 1, {4, 4});
  h.count = 10;  // Two observations are in no bucket.
  h.sum = kNan;
  EXPECT_TRUE(std::isnan(Quantile(0.9, h, scratch, note)));
  EXPECT_EQ(note, NanNote::kResultIsNan);
  // Prometheus lays the rank into the last bucket, so not 2, which is where it belongs.
  EXPECT_DOUBLE_EQ(Quantile(0.4, h, scratch, note), 4);
  EXPECT_EQ(note, NanNote::kSkewed);
}

TEST(FloatHistogramTest, Fraction) {
  std::vector<Bucket> scratch;
  NanNote note;
  const FloatHistogram h = Exponential(0, 1, {4, 12});
  EXPECT_EQ(Fraction(-kInf, 2, h, scratch, note), 0.25);
  EXPECT_EQ(Fraction(2, kInf, h, scratch, note), 0.75);
  EXPECT_EQ(Fraction(3, 3, h, scratch, note), 0);
  EXPECT_TRUE(std::isnan(Fraction(kNan, 3, h, scratch, note)));
  EXPECT_DOUBLE_EQ(Fraction(1, std::sqrt(2.0), h, scratch, note), 0.125);
}

TEST(FloatHistogramTest, Trim) {
  FloatHistogram h = Custom({1, 2, 4}, {1, 2, 4, 8});
  h.sum = 100;
  FloatHistogram upper = h;
  Trim(upper, 3, TrimSide::kUpper);
  // Half of (2,4] stays, +Inf goes.
  EXPECT_EQ(upper.positive_buckets, (std::vector<double>{1, 2, 2}));
  EXPECT_EQ(upper.count, 5);
  FloatHistogram lower = h;
  Trim(lower, 3, TrimSide::kLower);
  EXPECT_EQ(lower.positive_buckets, (std::vector<double>{2, 8}));
  // Nothing to trim: count and sum stay as they were.
  FloatHistogram same = h;
  Trim(same, -kInf, TrimSide::kLower);
  EXPECT_EQ(same.sum, 100);
}

TEST(FloatHistogramTest, Text) {
  FloatHistogram h = Exponential(0, 1, {1, 0, 2.5});
  h.sum = 12.5;
  h.zero_threshold = 0.001;
  h.zero_count = 1;
  h.negative_spans = {{0, 1}};
  h.negative_buckets = {3};
  h.count = 7.5;
  EXPECT_EQ(ToString(h),
            "{count:7.5, sum:12.5, [-1,-0.5):3, [-0.001,0.001]:1, (1,2]:1, (4,8]:2.5}");
}

TEST(FloatHistogramTest, FromIntegers) {
  Histogram h;
  h.count = 6;
  h.positive_spans = {{0, 3}};
  h.positive_buckets = {1, 1, 1};  // Counts 1, 2, 3.
  EXPECT_EQ(ToFloat(h).positive_buckets, (std::vector<double>{1, 2, 3}));
}

}  // namespace
}  // namespace narthex::model
