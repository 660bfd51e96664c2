// SPDX-License-Identifier: Apache-2.0
//
// Which files of chunks_head stay, and for how long.
#include "tsdb/head/chunk_files.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tests/tsdb/support/test_blocks.h"

namespace narthex::tsdb::testing {
namespace {

std::vector<std::string> FileNames(const std::string& dir) {
  std::vector<std::string> names;
  const auto entries = SystemFs().ListDir(dir);
  EXPECT_TRUE(entries);
  for (const auto& entry : *entries) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

using Names = std::vector<std::string>;

class ChunkFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.Load([](ChunkPlace, const HeadChunk&) {}));
    bytes_ = EncodeChunks({{1'000, 1}}).front().second;
  }

  ChunkPlace Write() {
    const HeadChunk chunk{1, {1'000, 1'000, Encoding::kXor, AsBytes(bytes_)}, false};
    std::vector<ChunkPlace> places;
    EXPECT_TRUE(files_.Write(std::span(&chunk, 1), places));
    return places.at(0);
  }

  const narthex::testing::TempDir dir_;
  ChunkFiles files_{SystemFs(), dir_.path()};
  std::string bytes_;
};

TEST_F(ChunkFilesTest, ATruncationEndsTheFileSoThatTheNextOneCanRemoveIt) {
  const ChunkPlace first = Write();
  EXPECT_EQ(Write().file, first.file);
  ASSERT_TRUE(files_.TruncateBefore(first.file));
  EXPECT_TRUE(ChunkFiles::Read(*files_.view(), first));
  const ChunkPlace second = Write();
  EXPECT_EQ(second.file, first.file + 1);
  ASSERT_TRUE(files_.TruncateBefore(second.file));
  EXPECT_EQ(FileNames(dir_.path()), Names{"000002"});
  EXPECT_TRUE(ChunkFiles::Read(*files_.view(), second));
}

TEST_F(ChunkFilesTest, AnEndedFileTakesNoMoreRoomThanItsChunks) {
  const ChunkPlace place = Write();
  ASSERT_TRUE(files_.TruncateBefore(place.file));
  EXPECT_LT(*SystemFs().FileSize(JoinPath(dir_.path(), "000001")), 100U);
}

TEST_F(ChunkFilesTest, TruncationWithoutChunksMakesNoFiles) {
  ASSERT_TRUE(files_.TruncateBefore(1));
  ASSERT_TRUE(files_.TruncateBefore(1));
  EXPECT_EQ(FileNames(dir_.path()), Names{});
}

// Fourteen block ranges through a head, whose chunks would fit into one file.
TEST(ChunkFilesOfDbTest, CutRangesLeaveTheFolder) {
  constexpr model::DurationMs kRange = 7'200'000;
  DbFixture db;
  for (int range = 0; range < 14; ++range) {
    for (int i = 0; i < 480; ++i) {
      db.Append({{{{"__name__", "x"}}, range * kRange + i * 15'000, i * 1.5}});
    }
    ASSERT_TRUE(db->Compact());
  }
  const auto names = FileNames(JoinPath(db.dir(), "chunks_head"));
  EXPECT_LE(names.size(), 2U);
  EXPECT_GT(names.front(), "000010");
  db.Kill();
  EXPECT_EQ(db.ReadAll().begin()->second.size(), 14U * 480);
}

}  // namespace
}  // namespace narthex::tsdb::testing
