// SPDX-License-Identifier: Apache-2.0
//
// Files of the head that somebody made to do harm, or that are damaged more than once.
#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/head/histogram_pool.h"
#include "tsdb/head/mem_series.h"

namespace narthex::tsdb {
namespace {

namespace files = std::filesystem;

// A few bytes must not take gigabytes.
TEST(HostileFilesTest, SnapshotWithTheHighestNumberOfHistograms) {
  narthex::testing::TempDir dir;
  const std::string path = dir.path() + "/snapshot";
  for (const std::uint32_t count : {0U, 1U, 2U, 0xffffffffU}) {
    auto out = SnapshotWriter::Create(SystemFs(), path);
    ASSERT_TRUE(out);
    out->Begin(SnapshotSection::kSeries);
    out->Write(std::vector<std::uint8_t>(sizeof(MemSeries)));
    out->Begin(SnapshotSection::kHistograms);
    out->WriteValue(count);
    ASSERT_TRUE(out->Finish());
    const auto in = SnapshotReader::Open(SystemFs(), path);
    ASSERT_TRUE(in);
    HistogramPool pool;
    EXPECT_EQ(pool.Load(*in).has_value(), count <= 1) << count;
  }
}

TEST(HostileFilesTest, CorruptChunksAreMovedAsideEachTime) {
  narthex::testing::TempDir dir;
  for (int time = 0; time < 3; ++time) {
    std::ofstream(dir.path() + "/000001") << "damaged " << time;
    ChunkFiles chunks(SystemFs(), dir.path());
    const auto moved = chunks.Load([](ChunkPlace, const HeadChunk&) {});
    ASSERT_TRUE(moved);
    EXPECT_EQ(*moved, 1);
  }
  std::set<std::string> contents;
  for (const auto& entry : files::directory_iterator(dir.path())) {
    EXPECT_EQ(entry.path().filename().string().substr(0, 14), "000001.corrupt");
    contents.insert(SystemFs().ReadFile(entry.path()).value());
  }
  EXPECT_EQ(contents, (std::set<std::string>{"damaged 0", "damaged 1", "damaged 2"}));
}

}  // namespace
}  // namespace narthex::tsdb
