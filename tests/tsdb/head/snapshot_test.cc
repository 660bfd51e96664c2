// SPDX-License-Identifier: Apache-2.0
//
// Snapshots of the head: what comes back.
#include "tsdb/head/snapshot.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/tsdb/support/test_head.h"
#include "tsdb/head/snapshot_file.h"

namespace narthex::tsdb::testing {
namespace {

using narthex::testing::TempDir;
namespace files = std::filesystem;

constexpr model::TimestampMs kStart = TestHead::kStart;

TEST(SnapshotTest, RoundTripIsWhatAReplayGives) {
  TempDir root;
  TestHead head(root.path() + "/data");
  head.Open();
  head.Scrapes(0, 500);
  // Series without samples go: free slots, symbols and lists.
  ASSERT_TRUE(head.head().Truncate(kStart + 200'000));
  ASSERT_TRUE(head.head().TruncateWal(kStart + 200'000));
  head.covered_until() = kStart + 200'000;
  ASSERT_TRUE(head.head().Delete(kStart + 300'000, kStart + 480'000,
                                 std::vector{model::Matcher::Equal("s", "7")}));
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    const int from = 500 + 100 * round;
    head.Scrapes(from, from + 60);
    const std::string before = head.Describe();
    head.Close();
    ASSERT_TRUE(files::exists(head.snapshot_path()));
    const std::string replayed = head.DescribeReplayed();
    ExpectSame(before, replayed);
    head.Open();
    EXPECT_FALSE(head.replayed());
    EXPECT_EQ(head.errors(), 0);
    EXPECT_FALSE(files::exists(head.snapshot_path()));
    ExpectSame(head.Describe(), replayed);
    // Life goes on: appends, full chunks, garbage collection.
    head.Scrapes(from + 60, from + 100);
    ASSERT_TRUE(head.head().Maintain());
    ExpectSame(head.Describe(), head.DescribeReplayed());
    const auto cut = kStart + (from - 200) * 1'000LL;
    ASSERT_TRUE(head.head().Truncate(cut));
    ASSERT_TRUE(head.head().TruncateWal(cut));
    head.covered_until() = cut;
    ExpectSame(head.Describe(), head.DescribeReplayed());
  }
}

TEST(SnapshotTest, ReferencesOfDeadSeriesStayDead) {
  TempDir root;
  TestHead head(root.path() + "/data");
  head.Open();
  storage::SeriesRef dead{0};
  {
    auto appender = head.head().NewAppender();
    ASSERT_EQ(appender->Append(dead, {{"a", "dead"}}, kStart, 1), storage::AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
  }
  head.Scrape(1000);
  ASSERT_TRUE(head.head().Truncate(kStart + 500'000));
  ASSERT_TRUE(head.head().Maintain());
  head.covered_until() = kStart + 500'000;
  head.Close();
  head.Open();
  ASSERT_FALSE(head.replayed());
  head.Scrape(1001);  // Makes a series, in the slot that is free.
  auto appender = head.head().NewAppender();
  EXPECT_EQ(appender->Append(dead, {}, kStart + 1'002'000, 1),
            storage::AppendError::kUnknownSeries);
}

TEST(SnapshotTest, EmptyHead) {
  TempDir root;
  TestHead head(root.path() + "/data");
  head.Open();
  head.Close();
  head.Open();
  EXPECT_EQ(head.errors(), 0);
  EXPECT_FALSE(head.replayed());
  head.Scrapes(0, 3);
  ExpectSame(head.Describe(), head.DescribeReplayed());
}

TEST(SnapshotTest, NotWrittenWhileSomebodyUsesTheHead) {
  TempDir root;
  TestHead head(root.path() + "/data");
  head.Open();
  head.Scrapes(0, 3);
  {
    const std::unique_ptr<storage::Querier> querier =
        head.head().NewQuerier(model::kMinTime, model::kMaxTime);
    ASSERT_TRUE(head.head().Close(head.covered_until()));
  }
  EXPECT_FALSE(files::exists(head.snapshot_path()));
  head.Open();
  {
    const auto appender = head.head().NewAppender();
    ASSERT_TRUE(head.head().Close(head.covered_until()));
  }
  EXPECT_FALSE(files::exists(head.snapshot_path()));
}

// What differs between a head that lived on and a replay: there, late samples of a series without
// others count as ones in order, too, as the log has them.
std::string SamplesOnly(const std::string& text) {
  return text.substr(0, text.rfind('\n', text.find(" pairs ")) + 1);
}

// Late samples and metadata, over all that may happen to late samples.
TEST(SnapshotTest, LateSamplesAndMetadata) {
  TempDir root;
  TestHead head(root.path() + "/data", true);
  head.Open();
  for (int round = 0; round < 4; ++round) {
    SCOPED_TRACE(round);
    const int from = 700 + 100 * round;
    head.Scrapes(from, from + 50);
    ASSERT_TRUE(head.head().Delete(kStart + from * 1'000LL, kStart + (from + 20) * 1'000LL,
                                   std::vector{model::Matcher::Equal("s", "0")}));
    std::string before = head.Describe();
    EXPECT_NE(before.find(" is 1"), std::string::npos) << "metadata";
    head.Close();
    ASSERT_TRUE(files::exists(head.snapshot_path()));
    if (round < 2) ExpectSame(SamplesOnly(before), SamplesOnly(head.DescribeReplayed()));
    head.Open();
    ASSERT_FALSE(head.replayed());
    ExpectSame(head.Describe(), before);
    EXPECT_TRUE(head.head().HasOutOfOrder());
    // Chunks go on where they were, and the log says so to whoever replays it.
    head.Scrapes(from + 50, from + 80);
    if (round < 2) ExpectSame(SamplesOnly(head.Describe()), SamplesOnly(head.DescribeReplayed()));
    if (round != 1) continue;
    // As if they were in blocks; of the WAL a replay would have them again.
    const auto cut = head.head().CutOutOfOrder();
    ASSERT_TRUE(cut);
    before = head.Describe();
    ASSERT_TRUE(head.head().DropOutOfOrder(*cut));
    EXPECT_NE(head.Describe(), before);
  }
}

TEST(SnapshotTest, LateSamplesWithoutAWindowAnyMore) {
  TempDir root;
  TestHead head(root.path() + "/data", true);
  head.Open();
  head.Scrapes(700, 710);
  const std::string want = head.Describe();
  head.Close();
  head.options().out_of_order_window_ms = 0;
  head.Open();
  ASSERT_FALSE(head.replayed());
  ExpectSame(head.Describe(), want);
  EXPECT_TRUE(head.head().HasOutOfOrder()) << "or they would never get into a block";
}

// Of the version before: no section for late samples.
TEST(SnapshotTest, OtherContentVersionsAreReplayed) {
  TempDir root;
  TestHead head(root.path() + "/data");
  head.Open();
  head.Scrapes(0, 20);
  const std::string want = head.Describe();
  head.Close();
  std::string base;
  {
    auto reader = SnapshotReader::Open(SystemFs(), head.snapshot_path()).value();
    base = reader.Read(SnapshotSection::kBase).value();
  }
  ASSERT_TRUE(base.starts_with("content 3\n")) << base;
  base[8] = '1';
  auto writer = SnapshotWriter::Create(SystemFs(), head.snapshot_path()).value();
  writer.Begin(SnapshotSection::kBase);
  writer.Write(AsBytes(base));
  ASSERT_TRUE(writer.Finish());
  head.Open();
  EXPECT_TRUE(head.replayed());
  EXPECT_EQ(head.errors(), 0);
  EXPECT_FALSE(files::exists(head.snapshot_path()));
  ExpectSame(head.Describe(), want);
}

}  // namespace
}  // namespace narthex::tsdb::testing
