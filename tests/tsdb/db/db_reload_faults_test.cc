// SPDX-License-Identifier: Apache-2.0
//
// What the database does about blocks and head chunks that can't be read, for a moment or for good,
// and about blocks that can't be removed.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/fault_fs.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tests/tsdb/support/three_blocks.h"

namespace narthex::tsdb::testing {
namespace {

using narthex::testing::Fault;
using narthex::testing::FaultFs;
using narthex::testing::FileOp;

void Fill(DbFixture& db, model::TimestampMs from, model::TimestampMs to) {
  for (model::TimestampMs t = from; t < to; t += 1'000) {
    db.Append({{{{"a", "1"}}, t, static_cast<double>(t)}, {{{"b", "1"}}, t, 1}});
  }
}

bool Names(const Status& status, const std::string& what) {
  return !status && status.error().message().find(what) != std::string::npos;
}

// As when there are no file handles left: nothing of the blocks can be opened during the reload.
TEST(DbReloadFaultsTest, OpenBlocksStayWhenTheirFilesCannotBeOpenedForAMoment) {
  FaultFs fs(SystemFs());
  DbFixture db(SmallRanges(), fs);
  db.Close();
  MakeBlocks(db.dir());
  db.Open();
  const SeriesData want = db.ReadAll();
  ASSERT_EQ(db->Blocks().size(), 3U);
  fs.SetHook([](FileOp op, const std::string&, int) {
    return op == FileOp::kRead || op == FileOp::kMap ? Fault::kFail : Fault::kNone;
  });
  (void)db->Compact();
  EXPECT_EQ(db->Blocks().size(), 3U);
  EXPECT_EQ(db.ReadAll(), want);
  fs.SetHook(nullptr);
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbReloadFaultsTest, ABlockWhoseFolderIsGoneIsNotKept) {
  DbFixture db(SmallRanges());
  db.Close();
  MakeBlocks(db.dir());
  db.Open();
  std::filesystem::remove_all(db.dir() + "/" + kUlids[0]);
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db->Blocks().size(), 2U);
}

// What is asked of all blocks is done to those that can be read, and is no success.
TEST(DbReloadFaultsTest, AdministrationNamesTheBlocksThatItCannotRead) {
  DbFixture db(SmallRanges());
  db.Close();
  MakeBlocks(db.dir());
  std::filesystem::resize_file(db.dir() + "/" + kUlids[1] + "/index", 5);
  db.Open();
  const auto deleted = db->DeleteSeries(0, 3 * kRange, {});
  EXPECT_TRUE(Names(deleted, kUlids[1])) << deleted.has_value();
  EXPECT_TRUE(db.ReadAll().empty());
  const auto cleaned = db->CleanTombstones();
  EXPECT_TRUE(Names(cleaned, kUlids[1])) << cleaned.has_value();
  EXPECT_TRUE(db->Blocks().empty()) << "the others are clean";
  // A block outside of the range has nothing to do with it.
  EXPECT_TRUE(db->DeleteSeries(2 * kRange, 3 * kRange, {}));
}

TEST(DbReloadFaultsTest, ASnapshotTellsWhatItLacks) {
  DbFixture db(SmallRanges());
  db.Close();
  MakeBlocks(db.dir());
  std::filesystem::resize_file(db.dir() + "/" + kUlids[1] + "/index", 5);
  db.Open();
  const std::string target = db.dir() + "/snapshots/s";
  const auto status = db->Snapshot(target, true);
  EXPECT_TRUE(Names(status, kUlids[1])) << status.has_value();
  EXPECT_TRUE(Names(status, target)) << "where the rest is";
  DbFixture copy(SmallRanges());
  copy.Adopt(target);
  EXPECT_EQ(copy.ReadAll(), db.ReadAll());
}

// The removal of what was merged fails again and again: what was made of it stays, and the head is
// cut all the same.
TEST(DbReloadFaultsTest, AFailedRemovalStopsNothing) {
  FaultFs fs(SystemFs());
  DbFixture db(SmallRanges(), fs);
  Fill(db, 960'000, 1'400'000);
  const SeriesData want = db.ReadAll();
  fs.SetHook([](FileOp op, const std::string& path, int) {
    const bool removal =
        (op == FileOp::kRename || op == FileOp::kRemoveAll) && path.ends_with(".tmp-for-deletion");
    return removal ? Fault::kFail : Fault::kNone;
  });
  const auto compacted = db->Compact();
  EXPECT_TRUE(compacted) << compacted.error().message();
  EXPECT_EQ(db.ReadAll(), want);
  const double failures = MetricOf(db, "prometheus_tsdb_reloads_failures_total");
  EXPECT_GT(failures, 0);
  const std::size_t blocks = db->Blocks().size();
  Fill(db, 1'400'000, 1'600'000);
  const auto again = db->Compact();
  EXPECT_TRUE(again) << again.error().message();
  EXPECT_GT(db->Blocks().back().max_time, 1'400'000);
  EXPECT_LT(db->Blocks().size(), blocks + 4) << "nothing is cut or merged twice";
  fs.SetHook(nullptr);
  ASSERT_TRUE(db->Compact());
  std::size_t folders = 0;
  const auto entries = SystemFs().ListDir(db.dir()).value();
  for (const auto& entry : entries) folders += entry.name.size() >= 26;
  EXPECT_EQ(folders, db->Blocks().size()) << "removed in the end";
}

void FlipByteOfFirstChunk(const std::string& dir) {
  const std::string path = dir + "/chunks_head/000001";
  constexpr std::streamoff kAt = 8 + 24 + 1 + 1 + 10;  // File and record headers, into the data.
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(kAt);
  const char byte = static_cast<char>(file.get() ^ 0x55);
  file.seekp(kAt);
  file.put(byte);
}

// What was renamed already is removed later.
TEST(DbReloadFaultsTest, HalfARemovalIsFinishedByALaterReload) {
  FaultFs fs(SystemFs());
  DbFixture db(SmallRanges(), fs);
  db.Close();
  MakeBlocks(db.dir());
  db.Open();
  db->SetRetention(1, 0, 0);
  int removals = 0;
  fs.SetHook([&](FileOp op, const std::string& path, int) {
    if (op != FileOp::kRemoveAll || !path.ends_with(".tmp-for-deletion")) return Fault::kNone;
    return removals++ % 2 == 1 ? Fault::kFail : Fault::kNone;  // The one behind the renaming.
  });
  ASSERT_TRUE(db->Compact());
  const std::string left = db.dir() + "/" + kUlids[0] + ".tmp-for-deletion";
  EXPECT_TRUE(SystemFs().Exists(left));
  fs.SetHook(nullptr);
  ASSERT_TRUE(db->Compact());
  EXPECT_FALSE(SystemFs().Exists(left));
}

// One bad chunk of one series costs its samples, and not the cutting of the head for good.
TEST(DbReloadFaultsTest, AnUnreadableHeadChunkIsLeftOutOfTheBlock) {
  DbFixture db(SmallRanges());
  Fill(db, 960'000, 1'040'000);
  ASSERT_TRUE(db->Compact());  // Writes the chunks up to 1'020'000.
  ASSERT_TRUE(db->Blocks().empty());
  FlipByteOfFirstChunk(db.dir());
  Fill(db, 1'040'000, 1'200'000);
  std::vector<model::Matcher> matchers;
  matchers.push_back(model::Matcher::Create(model::MatchType::kEqual, "b", "1").value());
  EXPECT_TRUE(db->DeleteSeries(1'100'000, 1'100'000, matchers));
  EXPECT_TRUE(db->DeleteSeries(1'100'000, 1'100'000, {})) << "also of the damaged series";
  const auto compacted = db->Compact();
  ASSERT_TRUE(compacted) << compacted.error().message();
  EXPECT_FALSE(db->Blocks().empty());
  EXPECT_EQ(MetricOf(db, "narthex_tsdb_unreadable_head_chunks_total"), 1);
  const SeriesData got = db.ReadAll();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got.at(R"({b="1"})").size(), 239U);
  EXPECT_EQ(got.at(R"({a="1"})").size(), 239U - 60);
}

}  // namespace
}  // namespace narthex::tsdb::testing
