// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"
#include "tsdb/chunks/segments.h"

namespace narthex::tsdb {
namespace {

using narthex::testing::FaultFs;
using narthex::testing::TempDir;

/// Two segments: 12 MiB and the rest.
void WriteSegments(Fs& fs, const std::string& dir, bool bypass_cache) {
  ChunkSegmentWriter writer(fs, dir, 12 << 20, bypass_cache);
  ASSERT_TRUE(writer.Open());
  std::vector<std::uint8_t> chunk(100'000);
  for (int i = 0; i < 200; ++i) {
    std::fill(chunk.begin(), chunk.end(), static_cast<std::uint8_t>(i));
    ASSERT_TRUE(writer.Add(Encoding::kXor, chunk));
  }
  ASSERT_TRUE(writer.Finish());
}

TEST(ChunkSegmentsTest, MayBypassThePageCache) {
  TempDir folder;
  FaultFs fs(SystemFs());
  WriteSegments(fs, folder.path() + "/cached", false);
  EXPECT_EQ(0, fs.num_forgotten());
  WriteSegments(fs, folder.path() + "/past", true);
  EXPECT_EQ(3, fs.num_forgotten()) << "at 8 MiB of the first segment, and at the ends of both";
  for (const char* name : {"/000001", "/000002"}) {
    EXPECT_EQ(*SystemFs().ReadFile(folder.path() + "/cached" + name),
              *SystemFs().ReadFile(folder.path() + "/past" + name));
  }
  // A disk that takes no more is noticed at once, not at the end.
  fs.SetHook([](narthex::testing::FileOp op, const std::string&, int) {
    return op == narthex::testing::FileOp::kSync ? narthex::testing::Fault::kFail
                                                 : narthex::testing::Fault::kNone;
  });
  ChunkSegmentWriter writer(fs, folder.path() + "/full", 100 << 20, true);
  ASSERT_TRUE(writer.Open());
  const std::vector<std::uint8_t> chunk(1 << 20);
  int taken = 0;
  while (taken < 50 && writer.Add(Encoding::kXor, chunk)) ++taken;
  EXPECT_LT(taken, 10);
}

}  // namespace
}  // namespace narthex::tsdb
