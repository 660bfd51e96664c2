// SPDX-License-Identifier: Apache-2.0
//
// Deletion by matchers, in the head and in blocks, over restarts, cuts and clean-up.
#include <filesystem>
#include <random>

#include <gtest/gtest.h>

#include "tests/tsdb/support/db_fixture.h"
#include "tests/tsdb/support/test_blocks.h"
#include "tsdb/wal/records.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb::testing {
namespace {

using model::MatchType;
using model::TimestampMs;

const std::string kA = R"({__name__="a"})";
const std::string kB = R"({__name__="b"})";

std::vector<model::Matcher> Named(const char* name) {
  std::vector<model::Matcher> matchers;
  matchers.push_back(model::Matcher::Create(MatchType::kEqual, "__name__", name).value());
  return matchers;
}

DbOptions SmallRanges() {
  DbOptions options;
  options.min_block_duration_ms = 60'000;
  return options;
}

void Drop(SeriesData& data, const std::string& series, TimestampMs mint, TimestampMs maxt) {
  auto& samples = data[series];
  std::erase_if(samples, [&](const BitSample& s) { return s.t >= mint && s.t <= maxt; });
  if (samples.empty()) data.erase(series);
}

SeriesData Fill(DbFixture& db, TimestampMs from, TimestampMs to) {
  SeriesData data;
  for (TimestampMs t = from; t < to; t += 500) {
    const auto v = static_cast<double>(t % 7'000);
    db.Append({{{{"__name__", "a"}}, t, v}, {{{"__name__", "b"}}, t, -v}});
    data[kA].push_back({t, v});
    data[kB].push_back({t, -v});
  }
  return data;
}

void Delete(DbFixture& db, TimestampMs mint, TimestampMs maxt, const char* name) {
  const auto status = db->DeleteSeries(mint, maxt, Named(name));
  ASSERT_TRUE(status) << status.error().message();
}

TEST(DbDeleteTest, HeadSamplesAreGoneForGood) {
  DbFixture db;
  SeriesData want = Fill(db, 1'000'000, 1'200'000);  // Full chunks and an open one.
  Delete(db, 1'030'000, 1'050'000, "a");
  Delete(db, 1'190'000, 1'192'000, "a");
  Drop(want, kA, 1'030'000, 1'050'000);
  Drop(want, kA, 1'190'000, 1'192'000);
  EXPECT_EQ(db.ReadAll(), want);
  EXPECT_EQ(db.ReadAll(1'029'000, 1'051'000)[kA].size(), 4U);
  db.Kill();
  EXPECT_EQ(db.ReadAll(), want);
  db.Reopen();
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbDeleteTest, NewSamplesAreNotTouched) {
  DbFixture db;
  SeriesData want = Fill(db, 1'000'000, 1'010'000);
  // All that there is, and what does not exist yet: only the former is deleted.
  Delete(db, model::kMinTime, model::kMaxTime, "a");
  want.erase(kA);
  EXPECT_EQ(db.ReadAll(), want);
  const SeriesData later = Fill(db, 1'010'000, 1'015'000);
  want[kA] = later.at(kA);
  want[kB].insert(want[kB].end(), later.at(kB).begin(), later.at(kB).end());
  EXPECT_EQ(db.ReadAll(), want);
  // The last sample is deleted but not forgotten: nothing older is taken.
  Delete(db, 1'014'000, 2'000'000, "a");
  auto appender = db->NewAppender();
  storage::SeriesRef ref{0};
  EXPECT_EQ(appender->Append(ref, {{"__name__", "a"}}, 1'014'200, 1),
            storage::AppendError::kOutOfOrder);
  appender->Rollback();
  db.Append({{{{"__name__", "a"}}, 1'014'600, 9}});
  Drop(want, kA, 1'014'000, 2'000'000);
  want[kA].push_back({1'014'600, 9});
  EXPECT_EQ(db.ReadAll(), want);
  db.Kill();
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbDeleteTest, DeletedSeriesAreNotSelected) {
  DbFixture db(SmallRanges());
  Fill(db, 1'000'000, 1'200'000);
  ASSERT_TRUE(db->Compact());
  Delete(db, 0, 1'119'999, "a");
  const auto querier = db->NewQuerier(1'000'000, 1'070'000).value();
  const auto set = querier->Select({}, {}).value();
  ASSERT_EQ(set->size(), 1U);
  EXPECT_EQ(set->LabelsAt(0).ToString(), kB);
}

TEST(DbDeleteTest, CutBlocksHaveNoDeletedSamples) {
  DbFixture db(SmallRanges());
  SeriesData want = Fill(db, 1'000'000, 1'200'000);
  Delete(db, 1'010'000, 1'030'000, "a");
  Delete(db, model::kMinTime, 1'139'999, "b");
  Drop(want, kA, 1'010'000, 1'030'000);
  Drop(want, kB, model::kMinTime, 1'139'999);
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db.ReadAll(), want);
  std::uint64_t samples = 0;
  for (const auto& block : db->Blocks()) {
    EXPECT_EQ(block.num_tombstones, 0U);
    EXPECT_EQ(block.num_series, 1U);
    samples += block.num_samples;
  }
  EXPECT_EQ(samples, want[kA].size() - static_cast<std::size_t>(std::count_if(
                                           want[kA].begin(), want[kA].end(), [&](const auto& s) {
                                             return s.t >= db->Blocks().back().max_time;
                                           })));
  db.Reopen();
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbDeleteTest, ACheckpointKeepsWhatIsStillNeeded) {
  auto options = SmallRanges();
  options.wal_segment_bytes = 32768;
  DbFixture db(options);
  SeriesData want = Fill(db, 1'000'000, 1'200'000);
  Delete(db, 1'190'000, 1'195'000, "a");
  Drop(want, kA, 1'190'000, 1'195'000);
  ASSERT_TRUE(db->Compact());
  const SeriesData later = Fill(db, 1'200'000, 1'230'000);
  for (const auto& [series, samples] : later) {
    want[series].insert(want[series].end(), samples.begin(), samples.end());
  }
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db.ReadAll(), want);
  db.Kill();
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbDeleteTest, BlocksAreMarkedAndReadAnew) {
  DbFixture db(SmallRanges());
  SeriesData want = Fill(db, 1'000'000, 1'200'000);
  ASSERT_TRUE(db->Compact());
  Delete(db, 1'030'000, 1'050'000, "a");
  Drop(want, kA, 1'030'000, 1'050'000);
  EXPECT_EQ(db.ReadAll(), want);
  // The same number of tombstones, but wider.
  Delete(db, 1'030'000, 1'055'000, "a");
  Drop(want, kA, 1'030'000, 1'055'000);
  EXPECT_EQ(db.ReadAll(), want);
  std::uint64_t tombstones = 0;
  for (const auto& block : db->Blocks()) tombstones += block.num_tombstones;
  EXPECT_GT(tombstones, 0U);
  db.Reopen();
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbDeleteTest, CleaningRewritesBlocks) {
  DbFixture db(SmallRanges());
  SeriesData want = Fill(db, 1'000'000, 1'200'000);
  ASSERT_TRUE(db->Compact());
  const auto before = db->Blocks();
  Delete(db, 1'030'000, 1'050'000, "a");
  Drop(want, kA, 1'030'000, 1'050'000);
  ASSERT_TRUE(db->CleanTombstones());
  EXPECT_EQ(db.ReadAll(), want);
  const auto after = db->Blocks();
  EXPECT_EQ(after.size(), before.size());
  EXPECT_EQ(after[0].ulid, before[0].ulid);
  EXPECT_NE(after[1].ulid, before[1].ulid);
  for (const auto& block : after) EXPECT_EQ(block.num_tombstones, 0U);
  EXPECT_FALSE(SystemFs().Exists(db.dir() + "/" + before[1].ulid));
  std::string text;
  db.registry().WriteText(text);
  EXPECT_NE(text.find("prometheus_tsdb_tombstone_cleanup_seconds_count 1"), std::string::npos);
  db.Reopen();
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbDeleteTest, CleaningRemovesABlockThatIsDeletedAltogether) {
  DbFixture db(SmallRanges());
  SeriesData want = Fill(db, 1'000'000, 1'200'000);
  ASSERT_TRUE(db->Compact());
  const auto gone = db->Blocks().front();
  ASSERT_TRUE(db->DeleteSeries(gone.min_time, gone.max_time - 1, {}));
  for (const auto& series : {kA, kB}) Drop(want, series, gone.min_time, gone.max_time - 1);
  ASSERT_TRUE(db->CleanTombstones());
  for (const auto& block : db->Blocks()) EXPECT_NE(block.ulid, gone.ulid);
  EXPECT_FALSE(SystemFs().Exists(db.dir() + "/" + gone.ulid));
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbDeleteTest, RandomDeletionsAgreeWithAModel) {
  std::mt19937 random(11);
  DbFixture db(SmallRanges());
  SeriesData want;
  TimestampMs now = 1'000'000;
  for (int step = 0; step < 60; ++step) {
    SCOPED_TRACE(step);
    for (const auto& [series, samples] : Fill(db, now, now + 10'000)) {
      want[series].insert(want[series].end(), samples.begin(), samples.end());
    }
    now += 10'000;
    const TimestampMs mint = 1'000'000 + static_cast<TimestampMs>(random()) % (now - 1'000'000);
    const TimestampMs maxt = mint + static_cast<TimestampMs>(random() % 20'000);
    const bool a = random() % 2 == 0;
    Delete(db, mint, maxt, a ? "a" : "b");
    Drop(want, a ? kA : kB, mint, maxt);
    if (step % 7 == 3) {
      ASSERT_TRUE(db->Compact());
    }
    if (step % 11 == 5) db.Kill();
    if (step % 13 == 6) {
      ASSERT_TRUE(db->CleanTombstones());
    }
    if (step % 17 == 9) db.Reopen();
    ASSERT_EQ(db.ReadAll(), want);
  }
}

// A log as Prometheus writes it when it moves a stale series into a block of its own: the samples
// count no more, and the series comes back under another number.
TEST(DbDeleteTest, ReplayDropsSeriesThatLeftTheHead) {
  DbFixture db;
  db.Close();
  const std::string dir = db.dir() + "/wal";
  ASSERT_TRUE(SystemFs().RemoveAll(dir));
  {
    const auto log = wal::Wal::Open(SystemFs(), dir, {}, {}).value();
    std::vector<std::string> records;
    const auto add_series = [&](wal::WalRef ref) {
      wal::BeginSeries(records.emplace_back());
      wal::AppendSeries(ref, {{"__name__", "a"}}, records.back());
    };
    const auto add = [&](wal::WalRef ref, TimestampMs t, double v) {
      const std::vector<wal::SampleEntry> entries = {{ref, t, v}};
      wal::EncodeSamples(entries, records.emplace_back());
    };
    const auto gone = [&](wal::WalRef ref) {
      const std::vector<wal::TombstoneEntry> entries = {{ref, model::kMinTime, model::kMaxTime}};
      wal::EncodeTombstones(entries, records.emplace_back());
    };
    add_series(3);
    add(3, 1'000, 1);
    add(3, 2'000, 2);
    gone(3);
    add_series(5);
    add(5, 1'500, 3);  // Older than what was there before.
    gone(9);           // Of a series that the log does not know any more.
    ASSERT_TRUE(log->Log(records));
    ASSERT_TRUE(log->Close());
  }
  db.Open();
  EXPECT_EQ(db.ReadAll(), (SeriesData{{kA, {{1'500, 3}}}}));
  db.Append({{{{"__name__", "a"}}, 3'000, 4}, {{{"__name__", "b"}}, 3'000, 5}});
  const SeriesData want = {{kA, {{1'500, 3}, {3'000, 4}}}, {kB, {{3'000, 5}}}};
  EXPECT_EQ(db.ReadAll(), want);
  db.Kill();
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbDeleteTest, ReplayForgetsASeriesThatDidNotComeBack) {
  DbFixture db;
  db.Close();
  const std::string dir = db.dir() + "/wal";
  ASSERT_TRUE(SystemFs().RemoveAll(dir));
  {
    const auto log = wal::Wal::Open(SystemFs(), dir, {}, {}).value();
    std::vector<std::string> records(3);
    wal::BeginSeries(records[0]);
    wal::AppendSeries(1, {{"__name__", "a"}}, records[0]);
    const std::vector<wal::SampleEntry> samples = {{1, 1'000, 1}};
    wal::EncodeSamples(samples, records[1]);
    const std::vector<wal::TombstoneEntry> gone = {{1, model::kMinTime, model::kMaxTime}};
    wal::EncodeTombstones(gone, records[2]);
    ASSERT_TRUE(log->Log(records));
    ASSERT_TRUE(log->Close());
  }
  db.Open();
  EXPECT_EQ(db->Stats(10).num_series, 0U);
  EXPECT_TRUE(db.ReadAll().empty());
  db.Append({{{{"__name__", "a"}}, 500, 4}});
  db.Kill();
  EXPECT_EQ(db.ReadAll(), (SeriesData{{kA, {{500, 4}}}}));
}

TEST(DbDeleteTest, ClosedDatabasesRefuse) {
  DbFixture db;
  ASSERT_TRUE(db->Close());
  EXPECT_EQ(db->DeleteSeries(0, 1, {}).error().code(), Code::kUnavailable);
  EXPECT_EQ(db->CleanTombstones().error().code(), Code::kUnavailable);
  EXPECT_EQ(db->Snapshot(db.dir() + "/snapshots/x", true).error().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace narthex::tsdb::testing
