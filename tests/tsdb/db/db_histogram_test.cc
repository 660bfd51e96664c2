// SPDX-License-Identifier: Apache-2.0
//
// Native histograms from append to query, over restarts and blocks.
#include <gtest/gtest.h>

#include "narthex/model/histogram.h"
#include "narthex/model/sample.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tests/tsdb/support/late.h"
#include "tsdb/wal/records.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb::testing {
namespace {

using storage::AppendError;
using storage::SeriesRef;

const model::Labels kLabels = {{"__name__", "h"}};

model::Histogram HistogramOf(std::uint64_t n) {
  model::Histogram h;
  h.schema = 1;
  h.zero_threshold = 0.001;
  h.zero_count = n;
  h.positive_spans = {{0, 2}, {1, 1}};
  h.positive_buckets = {static_cast<std::int64_t>(n), 1, -1};  // n, n + 1, n.
  h.count = n + n + (n + 1) + n;
  h.sum = 1.5 * static_cast<double>(n);
  return h;
}

AppendError AppendOne(Db& db, model::TimestampMs t, const model::Histogram& h) {
  auto appender = db.NewAppender();
  SeriesRef ref{0};
  const auto error = appender->AppendHistogram(ref, kLabels, t, h);
  EXPECT_TRUE(appender->Commit());
  return error;
}

AppendError AppendOne(Db& db, model::TimestampMs t, const model::FloatHistogram& h) {
  auto appender = db.NewAppender();
  SeriesRef ref{0};
  const auto error = appender->AppendFloatHistogram(ref, kLabels, t, h);
  EXPECT_TRUE(appender->Commit());
  return error;
}

storage::SampleColumns ReadOne(Db& db) {
  storage::SampleColumns columns;
  const auto querier = db.NewQuerier(model::kMinTime, model::kMaxTime).value();
  const auto set = querier->Select({}, {}).value();
  EXPECT_LE(set->size(), 1U);
  if (set->size() == 1) {
    EXPECT_TRUE(set->Read(0, model::kMinTime, model::kMaxTime, columns));
  }
  return columns;
}

DbOptions SmallRanges() {
  DbOptions options;
  options.min_block_duration_ms = 60'000;
  return options;
}

TEST(DbHistogramTest, AreReadBackAfterRestartsAndFromBlocks) {
  DbFixture db(SmallRanges());
  std::vector<std::pair<model::TimestampMs, model::FloatHistogram>> want;
  for (model::TimestampMs t = 1'000'000; t < 1'300'000; t += 1'000) {
    const auto n = static_cast<std::uint64_t>(t % 100'000);  // Falls now and then: a reset.
    const auto h = HistogramOf(n);
    if (t / 50'000 % 2 == 0) {
      ASSERT_EQ(AppendOne(*db.get(), t, h), AppendError::kNone);
    } else {
      ASSERT_EQ(AppendOne(*db.get(), t, model::ToFloat(h)), AppendError::kNone);
    }
    want.emplace_back(t, model::ToFloat(h));
  }
  const auto check = [&](const char* when) {
    SCOPED_TRACE(when);
    const auto got = ReadOne(*db.get());
    EXPECT_TRUE(got.t.empty());
    ASSERT_EQ(got.histogram_t.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      EXPECT_EQ(got.histogram_t[i], want[i].first);
      EXPECT_EQ(got.histograms[i].count, want[i].second.count);
      EXPECT_EQ(got.histograms[i].sum, want[i].second.sum);
      EXPECT_EQ(got.histograms[i].positive_buckets, want[i].second.positive_buckets);
    }
  };
  check("appended");
  db.Kill();
  check("killed");
  db.Reopen();
  check("opened again");
  ASSERT_TRUE(db->Compact());
  EXPECT_FALSE(db->Blocks().empty());
  check("in blocks");
  db.Kill();
  check("in blocks, killed");
}

TEST(DbHistogramTest, InvalidOnesOfALogAreSkippedAndCounted) {
  DbFixture db(LateOptions());
  db.Close();
  const auto good = HistogramOf(5);
  auto bad = good;
  bad.schema = 99;
  for (const char* folder : {"wal", "wbl"}) {
    const auto log = wal::Wal::Open(SystemFs(), JoinPath(db.dir(), folder), {}, {}).value();
    std::vector<std::string> records(3);
    wal::BeginSeries(records[0]);
    wal::AppendSeries(1, kLabels, records[0]);
    const bool late = std::string_view(folder) == "wbl";
    const model::TimestampMs t = late ? 1'000 : 2'000;
    const std::vector<wal::HistogramEntry> entries = {{1, t, good}, {1, t + 1, bad}};
    wal::EncodeHistograms(entries, records[1], records[2]);
    if (late) records[0].clear();
    ASSERT_TRUE(log->Log(records));
    ASSERT_TRUE(log->Close());
  }
  db.Open();
  EXPECT_EQ(MetricOf(db, "narthex_tsdb_replay_invalid_histograms_total"), 2);
  EXPECT_EQ(MetricOf(db, "prometheus_tsdb_wal_corruptions_total"), 0);
  EXPECT_EQ(ReadOne(*db.get()).histogram_t, (std::vector<model::TimestampMs>{1'000, 2'000}));
}

TEST(DbHistogramTest, AppendRules) {
  DbFixture db;
  ASSERT_EQ(AppendOne(*db.get(), 1000, HistogramOf(5)), AppendError::kNone);
  EXPECT_EQ(AppendOne(*db.get(), 1000, HistogramOf(5)), AppendError::kNone) << "the same again";
  EXPECT_EQ(AppendOne(*db.get(), 1000, HistogramOf(6)), AppendError::kDuplicate);
  EXPECT_EQ(AppendOne(*db.get(), 999, HistogramOf(5)), AppendError::kOutOfOrder);
  EXPECT_EQ(AppendOne(*db.get(), -4'000'000, HistogramOf(5)), AppendError::kOutOfBounds);
  auto appender = db->NewAppender();
  SeriesRef ref{0};
  EXPECT_EQ(appender->Append(ref, kLabels, 1000, 1.0), AppendError::kDuplicate)
      << "a float where there is a histogram";
  auto bad = HistogramOf(5);
  bad.count = 1;
  EXPECT_EQ(AppendOne(*db.get(), 2000, bad), AppendError::kInvalidHistogram);
  bad = HistogramOf(5);
  bad.positive_spans = {{0, 2}};
  EXPECT_EQ(AppendOne(*db.get(), 2000, bad), AppendError::kInvalidHistogram);
  bad = HistogramOf(5);
  bad.positive_buckets = {-1, 1, 0};
  EXPECT_EQ(AppendOne(*db.get(), 2000, bad), AppendError::kInvalidHistogram);
  bad = HistogramOf(5);
  bad.schema = 9;
  EXPECT_EQ(AppendOne(*db.get(), 2000, bad), AppendError::kInvalidHistogram);
  EXPECT_EQ(ReadOne(*db.get()).histogram_t.size(), 1U);
}

TEST(DbHistogramTest, SeriesMayChangeItsKind) {
  DbFixture db;
  ASSERT_EQ(AppendOne(*db.get(), 1000, HistogramOf(5)), AppendError::kNone);
  db.Append({{kLabels, 2000, 7.0}});
  ASSERT_EQ(AppendOne(*db.get(), 3000, HistogramOf(6)), AppendError::kNone);
  for (int round = 0; round < 2; ++round) {
    const auto got = ReadOne(*db.get());
    ASSERT_EQ(got.t.size(), 1U);
    EXPECT_EQ(got.v[0], 7.0);
    EXPECT_EQ(got.histogram_t, (std::vector<model::TimestampMs>{1000, 3000}));
    db.Kill();
  }
}

// In one commit too, and replay gives the same: nothing is taken for late because its kind is
// written after another.
TEST(DbHistogramTest, SeriesMayChangeItsKindWithinACommit) {
  DbFixture db;
  const model::Labels other = {{"__name__", "other"}};
  auto custom = HistogramOf(7);
  custom.schema = model::kCustomBucketsSchema;
  custom.zero_threshold = 0;
  custom.zero_count = 0;
  custom.positive_spans = {{0, 2}};
  custom.positive_buckets = {3, 1};
  custom.custom_values = {1, 2};
  custom.count = 7;
  auto appender = db->NewAppender();
  for (model::TimestampMs t = 1000; t < 13'000; t += 6000) {
    SeriesRef ref{0};
    SeriesRef other_ref{0};
    ASSERT_EQ(appender->Append(ref, kLabels, t, 1.0), AppendError::kNone);
    ASSERT_EQ(appender->AppendHistogram(ref, kLabels, t + 1000, HistogramOf(5)),
              AppendError::kNone);
    ASSERT_EQ(appender->Append(other_ref, other, t, 2.0), AppendError::kNone);
    ASSERT_EQ(appender->Append(ref, kLabels, t + 2000, 3.0), AppendError::kNone);
    ASSERT_EQ(appender->AppendFloatHistogram(ref, kLabels, t + 3000, model::ToFloat(custom)),
              AppendError::kNone);
    ASSERT_EQ(appender->AppendHistogram(ref, kLabels, t + 4000, custom), AppendError::kNone);
    ASSERT_EQ(appender->AppendHistogram(ref, kLabels, t + 5000, HistogramOf(6)),
              AppendError::kNone);
  }
  ASSERT_TRUE(appender->Commit());
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    storage::SampleColumns got;
    {
      const auto querier = db->NewQuerier(model::kMinTime, model::kMaxTime).value();
      const auto set = querier->Select({}, {}).value();
      ASSERT_EQ(set->size(), 2U);
      ASSERT_TRUE(set->Read(0, model::kMinTime, model::kMaxTime, got));
    }
    EXPECT_EQ(std::vector<model::TimestampMs>(got.t.begin(), got.t.end()),
              (std::vector<model::TimestampMs>{1000, 3000, 7000, 9000}));
    EXPECT_EQ(got.histogram_t,
              (std::vector<model::TimestampMs>{2000, 4000, 5000, 6000, 8000, 10000, 11000, 12000}));
    db.Kill();
  }
}

TEST(DbHistogramTest, StaleMarkerBecomesAStaleHistogram) {
  DbFixture db;
  ASSERT_EQ(AppendOne(*db.get(), 1000, HistogramOf(5)), AppendError::kNone);
  db.Append({{kLabels, 2000, model::kStaleNaN}});
  for (int round = 0; round < 2; ++round) {
    const auto got = ReadOne(*db.get());
    EXPECT_TRUE(got.t.empty());
    ASSERT_EQ(got.histograms.size(), 2U);
    EXPECT_TRUE(model::IsStale(got.histograms[1].sum));
    db.Kill();
  }
}

}  // namespace
}  // namespace narthex::tsdb::testing
