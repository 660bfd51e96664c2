// SPDX-License-Identifier: Apache-2.0
//
// Stale series that leave the head for blocks of their own, and come back.
#include <atomic>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/model/histogram.h"
#include "narthex/model/sample.h"
#include "tests/support/fault_fs.h"
#include "tests/tsdb/support/late.h"
#include "tsdb/block/meta.h"

namespace narthex::tsdb::testing {
namespace {

using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

constexpr TimestampMs kRange = kLateRange;
constexpr TimestampMs kNow = 1'700'000'040'000;  // A multiple of the range.

DbOptions Options(double threshold, model::DurationMs window_ms = 0) {
  DbOptions options = LateOptions(window_ms);
  options.stale_series_compaction_threshold = threshold;
  return options;
}

model::Labels LabelsOf(int i) { return {{"__name__", "m"}, {"i", std::to_string(i)}}; }

// One sample of each of the series [from, to) every second of [start, end).
void Fill(DbFixture& db, int from, int to, TimestampMs start, TimestampMs end) {
  for (TimestampMs t = start; t < end; t += 1000) {
    std::vector<DbFixture::Sample> samples;
    for (int i = from; i < to; ++i) samples.push_back({LabelsOf(i), t, static_cast<double>(i)});
    db.Append(samples);
  }
}

void EndSeries(DbFixture& db, int from, int to, TimestampMs t) {
  std::vector<DbFixture::Sample> samples;
  for (int i = from; i < to; ++i) samples.push_back({LabelsOf(i), t, model::kStaleNaN});
  db.Append(samples);
}

std::vector<BlockMeta> StaleBlocks(DbFixture& db) {
  std::vector<BlockMeta> metas;
  for (const auto& block : db->Blocks()) {
    auto meta = ParseBlockMeta(block.meta_json).value();
    if (meta.compaction.HasHint(kHintStaleSeries)) metas.push_back(std::move(meta));
  }
  return metas;
}

TEST(DbStaleTest, MovesThemToBlocksFromTheThresholdOn) {
  DbFixture db(Options(0.5));
  Fill(db, 0, 10, kNow, kNow + kRange + 20'000);
  EndSeries(db, 0, 4, kNow + kRange + 20'000);
  ASSERT_TRUE(db->CompactStaleSeries());
  EXPECT_TRUE(db->Blocks().empty()) << "less than the half";
  EXPECT_EQ(MetricOf(db, "prometheus_tsdb_stale_series_compactions_triggered_total"), 0);
  EndSeries(db, 4, 5, kNow + kRange + 20'000);
  const auto want = db.ReadAll();
  ASSERT_TRUE(db->CompactStaleSeries());
  EXPECT_EQ(db.ReadAll(), want);
  EXPECT_EQ(db->Stats(10).num_series, 5U);
  EXPECT_EQ(MetricOf(db, "prometheus_tsdb_stale_series_compactions_triggered_total"), 1);
  EXPECT_EQ(MetricOf(db, "prometheus_tsdb_stale_series_compactions_failed_total"), 0);
  EXPECT_EQ(MetricOf(db, "prometheus_tsdb_stale_series_compaction_duration_seconds_count"), 1);
  EXPECT_EQ(MetricOf(db, "prometheus_tsdb_head_series_removed_total"), 5);
  const auto blocks = StaleBlocks(db);
  ASSERT_EQ(blocks.size(), 2U) << "one for each range";
  for (const auto& block : blocks) {
    EXPECT_EQ(block.min_time % kRange, 0);
    EXPECT_EQ(block.max_time, block.min_time + kRange);
    EXPECT_EQ(block.stats.num_series, 5U);
    EXPECT_EQ(block.compaction.level, 1);
    EXPECT_EQ(block.compaction.sources, std::vector<std::string>{block.ulid});
    EXPECT_TRUE(block.compaction.parents.empty());
  }
  // The log still has their samples, and says that they are gone.
  db.Kill();
  EXPECT_EQ(db.ReadAll(), want);
  EXPECT_EQ(db->Stats(10).num_series, 5U);
  db.Reopen();
  EXPECT_EQ(db.ReadAll(), want);
  // What is left has the rest of its life in the head.
  Fill(db, 5, 10, kNow + kRange + 20'000, kNow + 4 * kRange);
  const auto more = db.ReadAll();
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db.ReadAll(), more);
  db.Kill();
  EXPECT_EQ(db.ReadAll(), more);
  EXPECT_FALSE(StaleBlocks(db).empty()) << "they are not merged with others";
}

TEST(DbStaleTest, ASeriesThatComesBackIsANewOne) {
  DbFixture db(Options(0.1));
  Fill(db, 0, 2, kNow, kNow + 30'000);
  SeriesRef ref{0};
  {
    auto appender = db->NewAppender();
    ASSERT_EQ(appender->Append(ref, LabelsOf(0), kNow + 30'000, model::kStaleNaN),
              AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
  }
  ASSERT_TRUE(db->CompactStaleSeries());
  ASSERT_EQ(StaleBlocks(db).size(), 1U);
  auto appender = db->NewAppender();
  EXPECT_EQ(appender->Append(ref, {}, kNow + 40'000, 1), AppendError::kUnknownSeries);
  EXPECT_EQ(appender->Append(ref, LabelsOf(0), kNow + 40'000, 1), AppendError::kNone);
  ASSERT_TRUE(appender->Commit());
  const auto want = db.ReadAll();
  EXPECT_EQ(want.at(LabelsOf(0).ToString()).size(), 32U);
  db.Kill();
  EXPECT_EQ(db.ReadAll(), want);
  // And a second time.
  EndSeries(db, 0, 1, kNow + 50'000);
  ASSERT_TRUE(db->CompactStaleSeries());
  Fill(db, 0, 1, kNow + 52'000, kNow + 53'000);
  EXPECT_EQ(db.ReadAll().at(LabelsOf(0).ToString()).size(), 34U);
  db.Reopen();
  EXPECT_EQ(db.ReadAll().at(LabelsOf(0).ToString()).size(), 34U);
  db.Kill();
  EXPECT_EQ(db.ReadAll().at(LabelsOf(0).ToString()).size(), 34U);
}

TEST(DbStaleTest, LateSamplesKeepASeriesInTheHead) {
  DbFixture db(Options(0.1, 10 * kRange));
  Fill(db, 0, 3, kNow, kNow + 30'000);
  db.Append({{LabelsOf(0), kNow + 500, 7}});
  EndSeries(db, 0, 2, kNow + 30'000);
  const auto want = db.ReadAll();
  ASSERT_TRUE(db->CompactStaleSeries());
  EXPECT_EQ(db.ReadAll(), want);
  EXPECT_EQ(db->Stats(10).num_series, 2U);
  ASSERT_EQ(StaleBlocks(db).size(), 1U);
  EXPECT_EQ(StaleBlocks(db)[0].stats.num_series, 1U);
  // One that has left gets a late sample.
  db.Append({{LabelsOf(1), kNow + 600, 8}});
  EXPECT_EQ(db.ReadAll().at(LabelsOf(1).ToString()).size(), 32U);
  const auto more = db.ReadAll();
  db.Kill();
  EXPECT_EQ(db.ReadAll(), more);
}

TEST(DbStaleTest, HistogramsAndDeletedSamples) {
  DbFixture db(Options(0.1));
  model::Histogram h;
  h.positive_spans = {{0, 1}};
  h.positive_buckets = {4};
  h.count = 4;
  const model::Labels labels = {{"__name__", "ints"}};
  for (int i = 0; i < 10; ++i) {
    auto appender = db->NewAppender();
    SeriesRef ref{0};
    ASSERT_EQ(appender->AppendHistogram(ref, labels, kNow + i * 1000, h), AppendError::kNone);
    ASSERT_EQ(appender->Append(ref, labels, kNow + i * 1000 + 1, 0), AppendError::kNone);
    ASSERT_EQ(appender->AppendHistogram(ref, labels, kNow + i * 1000 + 2, h), AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
  }
  const auto matcher = model::Matcher::Equal("__name__", "ints");
  ASSERT_TRUE(db->DeleteSeries(kNow, kNow + 4000, std::span(&matcher, 1)));
  db.Append({{labels, kNow + 20'000, model::kStaleNaN}});
  const auto count = [&] {
    const auto querier = db->NewQuerier(model::kMinTime, model::kMaxTime).value();
    const auto set = querier->Select({}, {}).value();
    storage::SampleColumns columns;
    EXPECT_TRUE(set->Read(0, model::kMinTime, model::kMaxTime, columns));
    return std::pair(columns.t.size(), columns.histogram_t.size());
  };
  const auto before = count();
  EXPECT_EQ(before, std::pair(std::size_t{6}, std::size_t{12}));
  ASSERT_TRUE(db->CompactStaleSeries());
  EXPECT_EQ(db->Stats(10).num_series, 0U);
  EXPECT_EQ(count(), before);
  db.Kill();
  EXPECT_EQ(count(), before);
}

TEST(DbStaleTest, NotWhenTheHeadIsCutSoon) {
  DbOptions options = Options(0.1);
  options.min_block_duration_ms = 7'200'000;
  DbFixture db(options);
  const TimestampMs start = 1'700'000'000'000 / 7'200'000 * 7'200'000;
  Fill(db, 0, 2, start, start + 5000);
  Fill(db, 0, 2, start + 3 * 3'600'000 + 1, start + 3 * 3'600'000 + 5000);
  EndSeries(db, 0, 1, start + 3 * 3'600'000 + 6000);
  ASSERT_TRUE(db->Compact());
  ASSERT_EQ(db->Blocks().size(), 1U);
  db.clock().AdvanceMs(111 * 60'000);
  ASSERT_TRUE(db->CompactStaleSeries());
  EXPECT_TRUE(StaleBlocks(db).empty());
  db.clock().AdvanceMs(-2 * 60'000);
  ASSERT_TRUE(db->CompactStaleSeries());
  EXPECT_EQ(StaleBlocks(db).size(), 1U);
}

TEST(DbStaleTest, FailuresLoseNothing) {
  for (int fail_at = 0; fail_at < 400; ++fail_at) {
    SCOPED_TRACE(fail_at);
    narthex::testing::FaultFs fs(SystemFs());
    DbFixture db(Options(0.1), fs);
    Fill(db, 0, 4, kNow, kNow + 10'000);
    EndSeries(db, 0, 2, kNow + 10'000);
    const auto want = db.ReadAll();
    bool failed = false;
    int number = -1;
    fs.SetHook([&](narthex::testing::FileOp, const std::string&, int) {
      if (++number != fail_at) return narthex::testing::Fault::kNone;
      failed = true;
      return narthex::testing::Fault::kFail;
    });
    const auto compacted = db->CompactStaleSeries();
    EXPECT_EQ(db.ReadAll(), want);
    fs.SetHook({});
    db.Kill();
    EXPECT_EQ(db.ReadAll(), want);
    ASSERT_TRUE(db->CompactStaleSeries());
    EXPECT_EQ(db.ReadAll(), want);
    EXPECT_EQ(db->Stats(10).num_series, 2U);
    if (!failed) {
      EXPECT_TRUE(compacted);
      return;
    }
  }
  FAIL() << "the compaction never got through";
}

// Series end, are moved and come back, all at once: a sample that was committed is always seen.
TEST(DbStaleTest, ReadersMissNothing) {
  DbFixture db(Options(0.01));
  std::atomic<std::size_t> committed{0};
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 1500; ++i) {
      const TimestampMs t = kNow + i * 20;
      db.Append({{LabelsOf(i % 7), t, i % 3 == 2 ? model::kStaleNaN : 1.0}, {LabelsOf(99), t, 2}});
      committed += 2;
    }
    done = true;
  });
  std::thread compactor([&] {
    while (!done.load()) {
      Status status = db->CompactStaleSeries();
      if (status) status = db->Compact();  // Merges those blocks.
      ASSERT_TRUE(status) << status.error().message();
    }
  });
  const auto count = [&] {
    std::size_t seen = 0;
    for (const auto& [labels, samples] : db.ReadAll()) seen += samples.size();
    return seen;
  };
  do {
    const std::size_t least = committed.load();
    ASSERT_GE(count(), least);
  } while (!done.load());
  writer.join();
  compactor.join();
  EXPECT_EQ(count(), committed.load());
  db.Kill();
  EXPECT_EQ(count(), committed.load());
}

}  // namespace
}  // namespace narthex::tsdb::testing
