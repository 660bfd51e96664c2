// SPDX-License-Identifier: Apache-2.0
//
// The pieces of arithmetic and ordering that functions are made of.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "narthex/model/sample.h"
#include "promql/exec/range_source.h"
#include "promql/functions/classic_histogram.h"
#include "promql/functions/go_sort.h"
#include "promql/functions/kahan.h"
#include "promql/functions/natural_order.h"
#include "promql/functions/quantile.h"
#include "promql/functions/scalar.h"

namespace narthex::promql {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kMax = std::numeric_limits<double>::max();

TEST(KahanTest, Sum) {
  KahanSum sum;
  for (const double v : {1e100, 1.0, -1e100}) sum.Add(v);
  EXPECT_EQ(sum.Total(), 1);
  KahanSum infinite;
  for (const double v : {1.0, kInf, 5.0}) infinite.Add(v);
  EXPECT_EQ(infinite.Total(), kInf);
}

TEST(KahanTest, MeanGoesOnWhereTheSumWouldOverflow) {
  KahanMean mean;
  for (int i = 0; i < 4; ++i) mean.Add(kMax);
  EXPECT_DOUBLE_EQ(mean.Mean(), kMax);
  KahanMean plain;
  for (const double v : {1.0, 2.0, 6.0}) plain.Add(v);
  EXPECT_EQ(plain.Mean(), 3);
}

TEST(QuantileTest, Ranks) {
  const struct {
    double q;
    std::vector<double> values;
    double want;
  } cases[] = {
      {0, {3, 1, 2}, 1},    {1, {3, 1, 2}, 3},    {0.5, {3, 1, 2}, 2}, {0.75, {4, 1, 3, 2}, 3.25},
      {-0.1, {1}, -kInf},   {1.1, {1}, kInf},     {0.5, {7}, 7},       {0, {5, kNan, 1}, kNan},
      {1, {5, kNan, 1}, 5}, {kNan, {1, 2}, kNan}, {0.5, {}, kNan}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.q);
    std::vector<double> values = c.values;
    const double got = QuantileOf(c.q, values);
    if (std::isnan(c.want)) {
      EXPECT_TRUE(std::isnan(got)) << got;
    } else {
      EXPECT_EQ(got, c.want);
    }
  }
}

TEST(ClassicHistogramTest, Quantile) {
  const struct {
    const char* name;
    double q;
    std::vector<ClassicBucket> buckets;
    double want;
  } cases[] = {
      {"linear", 0.5, {{1, 2}, {3, 4}, {kInf, 4}}, 1},
      {"inside", 0.75, {{1, 2}, {3, 4}, {kInf, 4}}, 2},
      {"first from zero", 0.25, {{1, 2}, {3, 4}, {kInf, 4}}, 0.5},
      {"first below zero", 0.25, {{-1, 2}, {3, 4}, {kInf, 4}}, -1},
      {"in the last", 0.9, {{1, 2}, {kInf, 4}}, 1},
      {"no +Inf", 0.5, {{1, 2}, {3, 4}}, kNan},
      {"one bucket", 0.5, {{kInf, 4}}, kNan},
      {"empty", 0.5, {{1, 0}, {kInf, 0}}, kNan},
      {"equal bounds are added", 0.5, {{1, 1}, {1, 1}, {3, 4}, {kInf, 4}}, 1},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<ClassicBucket> buckets = c.buckets;
    MonotonicityFix fix;
    const double got = ClassicQuantile(c.q, buckets, fix);
    EXPECT_FALSE(fix.forced);
    if (std::isnan(c.want)) {
      EXPECT_TRUE(std::isnan(got)) << got;
    } else {
      EXPECT_EQ(got, c.want);
    }
  }
}

TEST(ClassicHistogramTest, FallingCountsAreRaised) {
  std::vector<ClassicBucket> buckets = {{1, 5}, {2, 3}, {3, 8}, {kInf, 8}};
  MonotonicityFix fix;
  EXPECT_DOUBLE_EQ(ClassicQuantile(0.75, buckets, fix), 2 + 1.0 / 3);
  EXPECT_TRUE(fix.forced);
  EXPECT_EQ(fix.min_bucket, 2);
  EXPECT_EQ(fix.max_bucket, 2);
  EXPECT_EQ(fix.max_diff, 2);
  // Rounding errors are evened out silently.
  buckets = {{1, 1}, {2, 1 - 1e-13}, {kInf, 1}};
  fix = {};
  ClassicQuantile(0.5, buckets, fix);
  EXPECT_FALSE(fix.forced);
}

TEST(ClassicHistogramTest, Fraction) {
  const std::vector<ClassicBucket> base = {{1, 2}, {3, 4}, {kInf, 8}};
  const struct {
    double lower, upper, want;
  } cases[] = {{0, 1, 0.25},   {-kInf, kInf, 1}, {2, 3, 0.125}, {3, 100, 0},
               {3, kInf, 0.5}, {5, 5, 0},        {-5, -1, 0}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.upper);
    std::vector<ClassicBucket> buckets = base;
    EXPECT_EQ(ClassicFraction(c.lower, c.upper, buckets), c.want);
  }
}

TEST(GoSortTest, SortsAnything) {
  std::mt19937 random(7);
  for (const int n : {0, 1, 2, 12, 13, 49, 50, 51, 500, 3000}) {
    for (const int distinct : {1, 3, 1000000}) {
      SCOPED_TRACE(n);
      std::vector<int> data(n);
      for (int& v : data) v = static_cast<int>(random() % distinct);
      std::vector<int> want = data;
      std::sort(want.begin(), want.end());
      GoSort(data, [](int a, int b) { return a < b; });
      EXPECT_EQ(data, want);
      GoSort(data, [](int a, int b) { return a > b; });
      std::reverse(want.begin(), want.end());
      EXPECT_EQ(data, want);
    }
  }
}

TEST(GoSortTest, SurvivesContradictions) {
  std::vector<int> data(1000);
  std::iota(data.begin(), data.end(), 0);
  GoSort(data, [](int a, int b) { return (a * 7919 + b * 104729) % 3 == 0; });
  std::sort(data.begin(), data.end());
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(data[i], i);
}

TEST(NaturalOrderTest, Less) {
  const struct {
    const char *a, *b;
    bool less;
  } cases[] = {{"a2", "a10", true},
               {"a10", "a2", false},
               {"2", "10", true},
               {"a", "b", true},
               {"a1b2", "a1b10", true},
               {"", "a", false},
               {"a", "", false},
               {"07", "7", true},
               {"7", "07", true},
               {"a", "a1", true},
               {"a1", "a", false},
               // Too large for a number: compared as text.
               {"99999999999999999999", "9", false}};
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.a) + " " + c.b);
    EXPECT_EQ(NaturalLess(c.a, c.b), c.less);
  }
}

TEST(ScalarTest, MinAndMaxAsInGo) {
  EXPECT_TRUE(std::isnan(GoMax(kNan, 1)));
  EXPECT_EQ(GoMax(kNan, kInf), kInf);
  EXPECT_EQ(GoMin(-kInf, kNan), -kInf);
  EXPECT_TRUE(std::isnan(GoMin(kInf, kNan)));
  EXPECT_FALSE(std::signbit(GoMax(-0.0, 0.0)));
  EXPECT_TRUE(std::signbit(GoMin(0.0, -0.0)));
}

TEST(WindowsTest, LeftEndIsOpen) {
  RangeWindow window;
  window.grid = {100, 10, 3};
  window.range_ms = 20;
  const std::vector<model::TimestampMs> times = {80, 81, 100, 105, 120, 121};
  std::vector<std::uint32_t> lo, hi;
  ComputeWindows(window, times, lo, hi);
  EXPECT_EQ(lo, (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_EQ(hi, (std::vector<std::uint32_t>{3, 4, 5}));
}

TEST(WindowsTest, StaleMarkersGo) {
  storage::SampleColumns columns;
  for (int i = 0; i < 5; ++i) {
    columns.t.push_back(i);
    columns.v.push_back(i % 2 == 1 ? model::kStaleNaN : i);
  }
  DropStale(columns);
  EXPECT_EQ(std::vector<model::TimestampMs>(columns.t.begin(), columns.t.end()),
            (std::vector<model::TimestampMs>{0, 2, 4}));
  EXPECT_EQ(std::vector<double>(columns.v.begin(), columns.v.end()),
            (std::vector<double>{0, 2, 4}));
}

TEST(BatchTest, EqualRowsJoinWhereTheyDoNotMeet) {
  Batch batch(3);
  const model::Labels labels{{"a", "1"}};
  batch.AddRow(labels).Set(0, 1.0);
  batch.AddRow(labels).Set(2, 3.0);
  batch.AddRow({{"a", "2"}}).Set(1, 7.0);
  EXPECT_TRUE(MergeEqualRows(batch));
  ASSERT_EQ(batch.rows(), 2U);
  EXPECT_EQ(batch.row(0).Count(), 2);
  EXPECT_EQ(batch.row(0).v[2], 3);
  batch.AddRow(labels).Set(2, 4.0);
  EXPECT_FALSE(MergeEqualRows(batch));
}

}  // namespace
}  // namespace narthex::promql
