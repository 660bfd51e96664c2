// SPDX-License-Identifier: Apache-2.0
//
// What becomes of blocks: retention, delays, uploads, damage.
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

std::vector<std::string> Names(DbFixture& db) {
  std::vector<std::string> names;
  for (const auto& block : db->Blocks()) names.push_back(block.ulid);
  return names;
}

void Fill(DbFixture& db, model::TimestampMs from, model::TimestampMs to) {
  for (model::TimestampMs t = from; t < to; t += 5'000) db.Append({{{{"a", "1"}}, t, 1}});
}

TEST(DbBlocksTest, RetentionByPercentageOfTheDisk) {
  FaultFs fs(SystemFs());
  auto options = SmallRanges();
  options.retention_percentage = 50;
  options.retention_bytes = 1;  // Would leave nothing; the percentage wins.
  DbFixture db(options, fs);
  db.Close();
  MakeBlocks(db.dir());
  const std::uint64_t block_bytes = [&] {
    std::uint64_t bytes = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(db.dir() + "/" + kUlids[2])) {
      if (entry.is_regular_file()) bytes += entry.file_size();
    }
    return bytes;
  }();
  // Room for two blocks and what the WAL holds.
  fs.SetDiskSpace(Fs::Space{2 * (2 * block_bytes + block_bytes / 2), 0});
  db.Open();
  EXPECT_EQ(Names(db), (std::vector<std::string>{kUlids[1], kUlids[2]}));
  EXPECT_EQ(MetricOf(db, "prometheus_tsdb_retention_limit_percentage"), 50);
  EXPECT_EQ(MetricOf(db, "prometheus_tsdb_size_retentions_total"), 1);
  // The size of the file system can't be told: the fixed limit counts.
  fs.SetDiskSpace(Fail(Code::kIo, "statfs failed"));
  db->SetRetention(0, 1'000'000'000, 50);
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db->Blocks().size(), 2U);
  db->SetRetention(0, 1, 50);
  ASSERT_TRUE(db->Compact());
  EXPECT_TRUE(db->Blocks().empty());
}

TEST(DbBlocksTest, CompactionMayBeDelayed) {
  auto options = SmallRanges();
  options.compaction_delay_max_percent = 50;
  DbFixture db(options);
  Fill(db, 1'000'000, 1'100'000);
  ASSERT_TRUE(db->Compact());
  EXPECT_TRUE(db->Blocks().empty()) << "the delay has begun";
  db.clock().AdvanceMs(kRange / 2);
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db->Blocks().size(), 1U);
  Fill(db, 1'100'000, 1'160'000);
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db->Blocks().size(), 1U) << "it begins anew";
  db.clock().AdvanceMs(kRange / 2);
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db->Blocks().size(), 2U);
}

TEST(DbBlocksTest, BlocksWaitForTheirUpload) {
  auto options = SmallRanges();
  narthex::testing::TempDir folder;
  options.uploaded_blocks_file = folder.path() + "/thanos.shipper.json";
  const auto uploaded = [&](const std::string& list) {
    ASSERT_TRUE(WriteFileAtomically(SystemFs(), options.uploaded_blocks_file,
                                    AsBytes("{\"version\":1,\"uploaded\":[" + list + "]}")));
  };
  uploaded("");
  DbFixture db(options);
  db.Close();
  MakeBlocks(db.dir());
  MakeBlock(db.dir(), "01HF0000000000000000000004", 3 * kRange, 4 * kRange,
            {{{{"a", "1"}}, {{3 * kRange, 3.0}}}});
  db.Open();
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db->Blocks().size(), 4U);
  db.clock().AdvanceMs(60'000);
  uploaded(
      "\"01HF0000000000000000000001\",\"01HF0000000000000000000002\","
      "\"01HF0000000000000000000003\"");
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db->Blocks().size(), 4U) << "the fourth would be the one to be left alone";
  db.clock().AdvanceMs(60'000);
  uploaded(
      "\"01HF0000000000000000000001\",\"01HF0000000000000000000002\","
      "\"01HF0000000000000000000003\",\"01HF0000000000000000000004\"");
  const auto before = db.ReadAll();
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db->Blocks().size(), 2U);
  EXPECT_EQ(db.ReadAll(), before);
}

TEST(DbBlocksTest, OverlappingBlocksMayStay) {
  auto options = SmallRanges();
  options.merge_overlapping_blocks = false;
  DbFixture db(options);
  db.Close();
  MakeBlock(db.dir(), kUlids[0], 0, kRange, {{{{"a", "1"}}, {{0, 1.0}, {2, 2.0}}}});
  MakeBlock(db.dir(), kUlids[1], 0, kRange, {{{{"a", "1"}}, {{1, 3.0}}}});
  db.Open();
  const SeriesData want = {{R"({a="1"})", {{0, 1.0}, {1, 3.0}, {2, 2.0}}}};
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db->Blocks().size(), 2U);
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbBlocksTest, DamagedBlocksAreNamedAndTheRestIsServed) {
  for (const char* file : {"index", "meta.json", "tombstones", "chunks/000001"}) {
    SCOPED_TRACE(file);
    DbFixture db(SmallRanges());
    db.Close();
    MakeBlocks(db.dir());
    const std::string path = db.dir() + "/" + kUlids[1] + "/" + file;
    std::filesystem::resize_file(path, 5);
    db.Open();
    const SeriesData want = {{R"({a="1"})", {{0, 0.0}, {2 * kRange, 2.0}}}};
    EXPECT_EQ(db.ReadAll(), want);
    EXPECT_EQ(MetricOf(db, "narthex_tsdb_unreadable_blocks"), 1);
    // As Prometheus: a folder that does not tell what it is fails no reload.
    const bool is_meta = std::string_view(file) == "meta.json";
    EXPECT_EQ(MetricOf(db, "prometheus_tsdb_reloads_failures_total"), is_meta ? 0 : 1);
    EXPECT_EQ(MetricOf(db, "prometheus_tsdb_reloads_total"), 1);
    db->SetRetention(1, 1'000'000, 0);  // Not even then is it deleted.
    ASSERT_TRUE(db->Compact());
    EXPECT_TRUE(SystemFs().Exists(path));
    EXPECT_EQ(SystemFs().FileSize(path).value(), 5U);
  }
}

TEST(DbBlocksTest, DamagedParentsOfABlockGo) {
  DbFixture db(SmallRanges());
  db.Close();
  MakeBlocks(db.dir());
  std::filesystem::resize_file(db.dir() + "/" + kUlids[0] + "/index", 5);
  auto meta = ReadBlockMeta(SystemFs(), db.dir() + "/" + kUlids[1]).value();
  meta.compaction.parents = {{kUlids[0], 0, kRange}};
  ASSERT_TRUE(WriteBlockMeta(SystemFs(), db.dir() + "/" + kUlids[1], meta));
  db.Open();
  EXPECT_EQ(MetricOf(db, "narthex_tsdb_unreadable_blocks"), 0);
  EXPECT_FALSE(SystemFs().Exists(db.dir() + "/" + kUlids[0]));
}

// A block that was just cut can't be opened, as when there are no file handles left: its samples
// must stay in the head.
TEST(DbBlocksTest, TheHeadKeepsWhatANewBlockDoesNotServe) {
  FaultFs fs(SystemFs());
  DbFixture db(SmallRanges(), fs);
  Fill(db, 1'000'000, 1'200'000);
  const SeriesData want = db.ReadAll();
  fs.SetHook([](FileOp op, const std::string& path, int) {
    // Not while it is written: the writer reads its own file too.
    const bool opened =
        op == FileOp::kMap && path.ends_with("/index") && path.find(".tmp-") == std::string::npos;
    return opened ? Fault::kFail : Fault::kNone;
  });
  const auto status = db->Compact();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("open the new block " + db.dir()), std::string::npos)
      << status.error().message();
  EXPECT_EQ(db.ReadAll(), want);
  EXPECT_TRUE(db->Blocks().empty());
  db.Kill();
  fs.SetHook(nullptr);
  EXPECT_EQ(db.ReadAll(), want);
  ASSERT_TRUE(db->Compact());
  EXPECT_FALSE(db->Blocks().empty());
  EXPECT_EQ(db.ReadAll(), want);
}

TEST(DbBlocksTest, SectionsOfOthersStayWhenABlockIsMarked) {
  DbFixture db(SmallRanges());
  db.Close();
  MakeBlocks(db.dir());
  auto meta = ReadBlockMeta(SystemFs(), db.dir() + "/" + kUlids[0]).value();
  meta.unknown.emplace_back("thanos", R"({"labels":{"replica":"a"},"source":"sidecar"})");
  ASSERT_TRUE(WriteBlockMeta(SystemFs(), db.dir() + "/" + kUlids[0], meta));
  db.Open();
  ASSERT_TRUE(db->DeleteSeries(0, 0, {}));
  EXPECT_NE(db->Blocks()[0].meta_json.find("replica"), std::string::npos);
  EXPECT_EQ(db->Blocks()[0].num_tombstones, 1U);
}

}  // namespace
}  // namespace narthex::tsdb::testing
