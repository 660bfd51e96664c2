// SPDX-License-Identifier: Apache-2.0
#include "src/server/retention.h"

#include <gtest/gtest.h>

#include "narthex/config/config.h"
#include "narthex/tsdb/db.h"
#include "src/server/flags.h"
#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"

namespace narthex::server {
namespace {

TEST(RetentionTest, TheFileCountsWholeOrNotAtAll) {
  tsdb::DbOptions flags;
  flags.retention_ms = 1'000;
  flags.retention_bytes = 5;
  config::StorageConfig storage;
  Retention retention = EffectiveRetention(flags, storage);
  EXPECT_EQ(retention.time_ms, 1'000);
  EXPECT_EQ(retention.bytes, 5U);
  EXPECT_EQ(retention.percentage, 0);
  storage.retention_ms = 0;
  storage.retention_bytes = 0;
  storage.retention_percentage = 12.5;
  retention = EffectiveRetention(flags, storage);
  EXPECT_EQ(retention.time_ms, 0);
  EXPECT_EQ(retention.bytes, 0U);
  EXPECT_EQ(retention.percentage, 12.5);
}

// A configuration file that keeps more than the flags must not get the short blocks of these.
TEST(RetentionTest, TheLongestBlockFollowsTheRetentionInEffect) {
  constexpr model::DurationMs kDay = 24LL * 3600 * 1000;
  auto parsed = ParseCommandLine({});
  tsdb::DbOptions flags = parsed.flags.db;
  config::StorageConfig storage;
  EXPECT_EQ(MaxBlockDuration(flags, EffectiveRetention(flags, storage)), kDay * 3 / 2);
  storage.retention_ms = 365 * kDay;
  EXPECT_EQ(MaxBlockDuration(flags, EffectiveRetention(flags, storage)), 31 * kDay);
  flags.max_block_duration_ms = kDay;
  EXPECT_EQ(MaxBlockDuration(flags, EffectiveRetention(flags, storage)), kDay);
}

TEST(RetentionTest, Text) {
  EXPECT_EQ(RetentionText({}), "");
  EXPECT_EQ(RetentionText({15LL * 24 * 3600 * 1000, 512 << 20, 12.5}), "15d or 512MiB or 12.5%");
}

TEST(RetentionTest, APercentageNeedsAKnownSize) {
  narthex::testing::TempDir dir;
  narthex::testing::FaultFs fs(SystemFs());
  EXPECT_TRUE(CheckRetention({0, 0, 50}, fs, dir.path() + "/data"));
  fs.SetDiskSpace(Fail(Code::kIo, "statfs failed"));
  EXPECT_TRUE(CheckRetention({0, 0, 0}, fs, dir.path()));
  const auto status = CheckRetention({0, 0, 50}, fs, dir.path());
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("please disable retention percentage (50%)"),
            std::string::npos)
      << status.error().message();
}

}  // namespace
}  // namespace narthex::server
