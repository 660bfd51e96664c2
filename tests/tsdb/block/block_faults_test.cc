// SPDX-License-Identifier: Apache-2.0
//
// Writing a block on a file system that fails: whole or not at all.
#include <gtest/gtest.h>

#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"
#include "tests/tsdb/support/test_blocks.h"

namespace narthex::tsdb::testing {
namespace {

using narthex::testing::Fault;
using narthex::testing::FaultFs;
using narthex::testing::FileOp;

constexpr const char* kUlid = "01HF0000000000000000000001";

Result<std::optional<BlockMeta>> Write(Fs& fs, const std::string& dir) {
  BlockMeta meta;
  meta.ulid = kUlid;
  meta.max_time = 100;
  meta.compaction.level = 1;
  TestSource source({{model::Labels{{"__name__", "a"}}, {{10, 1}, {20, 2}}},
                     {model::Labels{{"__name__", "b"}}, {{10, 3}}}});
  BlockWriteOptions options;
  options.max_chunk_segment_bytes = 40;  // Each chunk in a segment of its own.
  return WriteBlock(fs, dir, meta, source, options);
}

std::string Content(const std::string& dir) {
  const auto block = Block::Open(SystemFs(), JoinPath(dir, kUlid));
  return block ? Dump(*NewBlockQuerier(*block, 0, 100), 0, 100) : block.error().message();
}

TEST(BlockFaultsTest, EveryOperationMayFail) {
  narthex::testing::TempDir reference;
  ASSERT_TRUE(Write(SystemFs(), reference.path()));
  const std::string want = Content(reference.path());
  for (const Fault fault : {Fault::kFail, Fault::kTear}) {
    constexpr int kMoreThanThereAre = 1000;
    for (int failing = 0; failing < kMoreThanThereAre; ++failing) {
      SCOPED_TRACE(::testing::Message() << "operation " << failing);
      narthex::testing::TempDir dir;
      FaultFs fs(SystemFs());
      int seen = 0;
      fs.SetHook([&](FileOp, const std::string&, int number) {
        seen = number + 1;
        return number == failing ? fault : Fault::kNone;
      });
      const auto written = Write(fs, dir.path());
      if (written) {
        // Beyond the last operation, or a fault that this operation has no use for.
        EXPECT_EQ(Content(dir.path()), want);
        if (seen <= failing) break;
        continue;
      }
      EXPECT_EQ(written.error().code(), Code::kIo);
      EXPECT_TRUE(SystemFs().ListDir(dir.path())->empty()) << "no half block stays";
      fs.SetHook(nullptr);
      ASSERT_TRUE(Write(fs, dir.path())) << "and it can be tried again";
      EXPECT_EQ(Content(dir.path()), want);
    }
  }
}

TEST(BlockFaultsTest, AFullDiskDoesNotHurtTombstones) {
  narthex::testing::TempDir dir;
  ASSERT_TRUE(Write(SystemFs(), dir.path()));
  const std::string before = Content(dir.path());
  const auto block = Block::Open(SystemFs(), JoinPath(dir.path(), kUlid)).value();
  FaultFs fs(SystemFs());
  fs.SetDiskFull(true);
  EXPECT_FALSE(DeleteFromBlock(fs, *block, 0, 15, {}));
  EXPECT_EQ(Content(dir.path()), before);
  fs.SetDiskFull(false);
  ASSERT_TRUE(DeleteFromBlock(fs, *block, 0, 15, {}));
  EXPECT_EQ(Content(dir.path()), "{__name__=\"a\"} 2 20\n");
}

}  // namespace
}  // namespace narthex::tsdb::testing
