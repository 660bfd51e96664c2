// SPDX-License-Identifier: Apache-2.0
//
// What an agent knows again after a restart, and after a kill.
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/model/histogram.h"
#include "tests/tsdb/support/agent_fixture.h"
#include "tsdb/wal/segment.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb::testing {
namespace {

using model::Labels;
using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

constexpr TimestampMs kNow = 1'700'000'000'000;

Labels Series(int i) { return {{"__name__", "m"}, {"i", std::to_string(i)}}; }

void Fill(AgentFixture& db, int series, TimestampMs from, TimestampMs to) {
  for (TimestampMs t = from; t < to; t += 1000) {
    std::vector<AgentFixture::Sample> samples;
    for (int i = 0; i < series; ++i) samples.push_back({Series(i), t, i + 0.1});
    db.Append(samples);
  }
}

std::string LastSegment(AgentFixture& db) {
  return wal::SegmentPath(db.wal_dir(), db.Segments().back());
}

TEST(AgentReplayTest, NumbersAndTimesAreThereAgain) {
  for (const bool kill : {false, true}) {
    AgentFixture db;
    Fill(db, 50, kNow, kNow + 10'000);
    const LogContent before = db.Log();
    if (kill) {
      db.Kill();
    } else {
      db.Reopen();
    }
    EXPECT_EQ(db->num_series(), 50U);
    EXPECT_EQ(db.Metric("prometheus_agent_active_series"), 50);
    EXPECT_EQ(db.Metric("prometheus_agent_clean_start"), kill ? 0 : 1);
    EXPECT_EQ(db.TryAppend(Series(7), kNow + 9'000), AppendError::kOutOfOrder);
    Fill(db, 51, kNow + 10'000, kNow + 11'000);
    const LogContent after = db.Log();
    EXPECT_EQ(after.series.size(), 51U) << "the series are not logged again";
    for (const auto& [ref, labels] : before.series) EXPECT_EQ(after.series.at(ref), labels);
    EXPECT_TRUE(after.unknown.empty());
    EXPECT_EQ(after.floats.at(Series(7).ToString()).size(), 11U);
  }
}

TEST(AgentReplayTest, AlsoThoseOfHistograms) {
  AgentFixture db;
  {
    const auto appender = db->NewAppender();
    SeriesRef a{0}, b{0};
    ASSERT_EQ(appender->AppendHistogram(a, Series(1), kNow, {}), AppendError::kNone);
    ASSERT_EQ(appender->AppendFloatHistogram(b, Series(2), kNow, {}), AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
  }
  db.Kill();
  EXPECT_EQ(db.TryAppend(Series(1), kNow), AppendError::kOutOfOrder);
  EXPECT_EQ(db.TryAppend(Series(2), kNow), AppendError::kOutOfOrder);
}

TEST(AgentReplayTest, TheFolderIsLocked) {
  AgentFixture db;
  metrics::Registry registry;
  const auto second = AgentDb::Open(db.dir(), {}, SystemFs(), db.clock(), registry);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::kUnavailable);
  EXPECT_TRUE(second.error().message().starts_with("lock DB directory"))
      << second.error().message();
  AgentOptions options;
  options.no_lockfile = true;
  AgentFixture unlocked(options);
  EXPECT_FALSE(std::filesystem::exists(unlocked.dir() + "/lock"));
  EXPECT_EQ(unlocked.Metric("prometheus_agent_clean_start"), -1);
}

TEST(AgentReplayTest, ATornTailIsCutOff) {
  AgentOptions options;
  options.wal_compression = WalCompression::kNone;  // The last byte is one of a value, and not 0.
  AgentFixture db(options);
  Fill(db, 20, kNow, kNow + 10'000);
  const auto size = std::filesystem::file_size(LastSegment(db));
  for (const std::size_t torn : {std::size_t{1}, std::size_t{9}, std::size_t{100}}) {
    SCOPED_TRACE(torn);
    AgentFixture copy(options);
    copy.Close();
    std::filesystem::remove_all(copy.dir());
    std::filesystem::copy(db.dir(), copy.dir(), std::filesystem::copy_options::recursive);
    std::filesystem::resize_file(wal::SegmentPath(copy.wal_dir(), 0), size - torn);
    copy.Open();
    EXPECT_EQ(copy->num_series(), 20U);
    // The last commit is gone as a whole, and no other.
    EXPECT_EQ(copy.TryAppend(Series(3), kNow + 8'000), AppendError::kOutOfOrder);
    Fill(copy, 20, kNow + 9'000, kNow + 12'000);
    const LogContent log = copy.Log();
    EXPECT_TRUE(log.unknown.empty());
    EXPECT_EQ(log.floats.at(Series(3).ToString()).size(), 12U);
    copy.Reopen();
    EXPECT_EQ(copy.TryAppend(Series(3), kNow + 11'000), AppendError::kOutOfOrder);
  }
}

TEST(AgentReplayTest, ABadSegmentIsRepairedAndTheNextOnesStay) {
  AgentOptions options;
  options.wal_segment_bytes = 32 * 1024;
  options.wal_compression = WalCompression::kNone;
  AgentFixture db(options);
  Fill(db, 100, kNow, kNow + 150'000);
  ASSERT_GE(db.Segments().size(), 4U);
  db.Close();
  {
    std::fstream file(wal::SegmentPath(db.wal_dir(), 1),
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20'000);
    file.write("garbage", 7);
  }
  db.Open();
  EXPECT_EQ(db.Metric("prometheus_agent_corruptions_total"), 1);
  EXPECT_TRUE(std::filesystem::exists(wal::SegmentPath(db.wal_dir(), 1) + ".corrupt"));
  EXPECT_EQ(db->num_series(), 100U);
  EXPECT_EQ(db.TryAppend(Series(99), kNow + 149'000), AppendError::kOutOfOrder)
      << "what came later is known";
  db.Reopen();
  EXPECT_EQ(db.Metric("prometheus_agent_corruptions_total"), 0);
}

TEST(AgentReplayTest, RecordsThatDoNotDecodeArePassedOver) {
  AgentFixture db;
  Fill(db, 3, kNow, kNow + 2'000);
  db.Close();
  {
    const auto log = wal::Wal::Open(SystemFs(), db.wal_dir(), {}, {}).value();
    std::vector<std::string> records = {{2, 0}, {1, 0, 0, 0}, {99, 1}};
    ASSERT_TRUE(log->Log(records));
  }
  db.Open();
  EXPECT_EQ(db.Metric("prometheus_agent_corruptions_total"), 3);
  EXPECT_EQ(db->num_series(), 3U);
  EXPECT_EQ(db.TryAppend(Series(0), kNow + 1'000), AppendError::kOutOfOrder);
}

TEST(AgentReplayTest, ABadCheckpointIsRefused) {
  AgentFixture db;
  Fill(db, 3, kNow, kNow + 2'000);
  db.Close();
  const std::string checkpoint = wal::CheckpointPath(db.wal_dir(), 0);
  {
    const auto log = wal::Wal::Open(SystemFs(), checkpoint, {}, {}).value();
    ASSERT_TRUE(log->Log(std::vector<std::string>{std::string(100, 'x')}));
  }
  const std::string path = wal::SegmentPath(checkpoint, 0);
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(9).put('!');
  metrics::Registry registry;
  const auto opened = AgentDb::Open(db.dir(), {}, SystemFs(), db.clock(), registry);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kCorruption);
  EXPECT_NE(opened.error().message().find("move it away"), std::string::npos);
}

// A log can name samples whose series it has lost; their numbers must not become somebody else's.
TEST(AgentReplayTest, NumbersOfUnknownSeriesAreNotGivenAgain) {
  AgentFixture db;
  db.Close();
  {
    const auto log = wal::Wal::Open(SystemFs(), db.wal_dir(), {}, {}).value();
    std::vector<std::string> records(1);
    wal::EncodeSamples(std::vector<wal::SampleEntry>{{17, kNow, 1}}, records[0]);
    ASSERT_TRUE(log->Log(records));
  }
  db.Open();
  EXPECT_EQ(db->num_series(), 0U);
  db.Append({{Series(1), kNow, 1}});
  const LogContent log = db.Log();
  ASSERT_EQ(log.series.size(), 1U);
  EXPECT_GT(log.series.begin()->first, 17U);
}

TEST(AgentReplayTest, MissingSegmentsAreTold) {
  AgentFixture db;
  for (int i = 0; i < 4; ++i) {
    db.Append({{Series(1), kNow + i, 1}});
    ASSERT_TRUE(db->Truncate());
  }
  ASSERT_FALSE(db.Checkpoints().empty());
  db.Close();
  std::filesystem::remove(wal::SegmentPath(db.wal_dir(), db.Segments().front()));
  db.Open();
  EXPECT_EQ(db.Metric("prometheus_agent_corruptions_total"), 1);
  EXPECT_EQ(db->num_series(), 1U);
}

// Prometheus can log a series under two numbers; samples of both are of one series.
TEST(AgentReplayTest, ASeriesWithTwoNumbers) {
  AgentFixture db;
  db.Close();
  {
    const auto log = wal::Wal::Open(SystemFs(), db.wal_dir(), {}, {}).value();
    std::vector<std::string> records(2);
    wal::BeginSeries(records[0]);
    wal::AppendSeries(5, Series(1), records[0]);
    wal::AppendSeries(6, Series(1), records[0]);
    wal::EncodeSamples(std::vector<wal::SampleEntry>{{5, kNow, 1}, {6, kNow + 5, 1}}, records[1]);
    ASSERT_TRUE(log->Log(records));
  }
  db.Open();
  EXPECT_EQ(db->num_series(), 1U);
  EXPECT_EQ(db.Metric("prometheus_agent_deleted_series"), 1);
  EXPECT_EQ(db.TryAppend(Series(1), kNow + 5), AppendError::kOutOfOrder);
  EXPECT_EQ(db.TryAppend(Series(1), kNow + 6), AppendError::kNone);
}

}  // namespace
}  // namespace narthex::tsdb::testing
