// SPDX-License-Identifier: Apache-2.0
//
// Zeros at the time at which series began.
#include <gtest/gtest.h>

#include "narthex/model/float_histogram.h"
#include "narthex/model/histogram.h"
#include "tests/tsdb/support/late.h"

namespace narthex::tsdb::testing {
namespace {

using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

constexpr TimestampMs kNow = 1'700'000'040'000;
const model::Labels kLabels = {{"__name__", "requests_total"}};

TEST(DbStartTimeTest, FloatsWithAndWithoutAWindow) {
  for (const model::DurationMs window : {model::DurationMs{0}, 10 * kLateRange}) {
    SCOPED_TRACE(window);
    DbFixture db(LateOptions(window));
    SeriesRef ref{0};
    const auto scrape = [&](TimestampMs t, TimestampMs start, double v) {
      auto appender = db->NewAppender();
      const auto error = appender->AppendStartZero(ref, kLabels, t, start);
      EXPECT_EQ(appender->Append(ref, kLabels, t, v), AppendError::kNone);
      EXPECT_TRUE(appender->Commit());
      return error;
    };
    EXPECT_EQ(scrape(kNow, kNow - 5000, 7), AppendError::kNone);
    EXPECT_EQ(scrape(kNow + 1000, kNow - 5000, 8), AppendError::kOutOfOrder) << "the same start";
    EXPECT_EQ(scrape(kNow + 2000, kNow + 1500, 1), AppendError::kNone) << "set back";
    EXPECT_EQ(scrape(kNow + 3000, kNow + 2000, 2), AppendError::kOutOfOrder)
        << "of a time that is taken";
    EXPECT_EQ(scrape(kNow + 4000, kNow + 4000, 3), AppendError::kStartNotOlder);
    EXPECT_EQ(scrape(kNow + 5000, kNow + 6000, 4), AppendError::kStartNotOlder);
    EXPECT_EQ(scrape(kNow + 6000, kNow - 2 * kLateRange, 5),
              window == 0 ? AppendError::kOutOfBounds : AppendError::kOutOfOrder);
    const SeriesData want = {{kLabels.ToString(),
                              {{kNow - 5000, 0},
                               {kNow, 7},
                               {kNow + 1000, 8},
                               {kNow + 1500, 0},
                               {kNow + 2000, 1},
                               {kNow + 3000, 2},
                               {kNow + 4000, 3},
                               {kNow + 5000, 4},
                               {kNow + 6000, 5}}}};
    EXPECT_EQ(db.ReadAll(), want);
    EXPECT_EQ(MetricOf(db, "prometheus_tsdb_out_of_order_samples_total{type=\"float\"}"), 0);
    EXPECT_EQ(MetricOf(db, "prometheus_tsdb_out_of_bound_samples_total{type=\"float\"}"), 0);
    db.Kill();
    EXPECT_EQ(db.ReadAll(), want);
  }
}

TEST(DbStartTimeTest, SeveralSamplesOfOneCommitHaveTheSameStart) {
  DbFixture db(LateOptions(0));
  auto appender = db->NewAppender();
  SeriesRef ref{0};
  for (int i = 1; i < 4; ++i) {
    EXPECT_EQ(appender->AppendStartZero(ref, kLabels, kNow + i, kNow), AppendError::kNone);
    EXPECT_EQ(appender->Append(ref, kLabels, kNow + i, i), AppendError::kNone);
  }
  ASSERT_TRUE(appender->Commit());
  const SeriesData want = {
      {kLabels.ToString(), {{kNow, 0}, {kNow + 1, 1}, {kNow + 2, 2}, {kNow + 3, 3}}}};
  EXPECT_EQ(db.ReadAll(), want);
  db.Kill();
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbStartTimeTest, UnknownReferencesNeedLabels) {
  DbFixture db(LateOptions(0));
  auto appender = db->NewAppender();
  SeriesRef ref{77};
  EXPECT_EQ(appender->AppendStartZero(ref, {}, kNow, kNow - 1), AppendError::kUnknownSeries);
  ref = SeriesRef{0};
  EXPECT_EQ(appender->AppendStartZero(ref, {}, kNow, kNow - 1), AppendError::kInvalidLabels);
  EXPECT_EQ(appender->AppendStartZero(ref, kLabels, kNow, kNow - 1), AppendError::kNone);
  EXPECT_NE(ref, SeriesRef{0});
  ASSERT_TRUE(appender->Commit());
}

template <typename H>
void CheckHistograms(const H& h) {
  DbFixture db(LateOptions(0));
  for (int i = 0; i < 3; ++i) {
    auto appender = db->NewAppender();
    SeriesRef ref{0};
    const TimestampMs t = kNow + 1000 + i * 1000;
    EXPECT_EQ(appender->AppendStartZero(ref, kLabels, t, kNow + 500, h),
              i == 0 ? AppendError::kNone : AppendError::kOutOfOrder);
    if constexpr (std::is_same_v<H, model::Histogram>) {
      EXPECT_EQ(appender->AppendHistogram(ref, kLabels, t, h), AppendError::kNone);
    } else {
      EXPECT_EQ(appender->AppendFloatHistogram(ref, kLabels, t, h), AppendError::kNone);
    }
    ASSERT_TRUE(appender->Commit());
  }
  EXPECT_EQ(db->Stats(1).num_chunks, 1U) << "none was cut for the zero";
  storage::SampleColumns columns;
  const auto querier = db->NewQuerier(model::kMinTime, model::kMaxTime).value();
  const auto set = querier->Select({}, {}).value();
  ASSERT_EQ(set->size(), 1U);
  ASSERT_TRUE(set->Read(0, model::kMinTime, model::kMaxTime, columns));
  ASSERT_EQ(columns.histogram_t.size(), 4U);
  EXPECT_EQ(columns.histogram_t[0], kNow + 500);
  EXPECT_EQ(columns.histograms[0].count, 0);
  EXPECT_EQ(columns.histograms[0].schema, h.schema);
  EXPECT_EQ(columns.histograms[0].custom_values, h.custom_values);
  EXPECT_EQ(columns.histograms[1].count, 4);
}

TEST(DbStartTimeTest, Histograms) {
  model::Histogram h;
  h.schema = 2;
  h.zero_threshold = 0.5;
  h.positive_spans = {{3, 1}};
  h.positive_buckets = {4};
  h.count = 4;
  CheckHistograms(h);
  CheckHistograms(model::ToFloat(h));
  h.schema = model::kCustomBucketsSchema;
  h.zero_threshold = 0;
  h.positive_spans = {{0, 1}};
  h.custom_values = {1, 5};
  CheckHistograms(h);
}

}  // namespace
}  // namespace narthex::tsdb::testing
