// SPDX-License-Identifier: Apache-2.0
#include "narthex/tsdb/block_builder.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/model/labels.h"
#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"
#include "tests/tsdb/inspect/inspect_fixture.h"

namespace narthex::tsdb::testing {
namespace {

using narthex::testing::TempDir;

constexpr model::DurationMs kHour = 3'600'000;

class BlockBuilderTest : public ::testing::Test {
 protected:
  std::unique_ptr<BlockBuilder> NewBuilder(std::size_t max_memory_bytes = 1 << 30,
                                           Fs& fs = SystemFs()) {
    BlockBuilderOptions options;
    options.spill_dir = spill_.path();
    options.max_memory_bytes = max_memory_bytes;
    return BlockBuilder::Create(out_.path() + "/blocks", options, fs, SystemClock()).value();
  }
  std::string Content() {
    DumpOptions options;
    options.dir = out_.path() + "/blocks";
    const auto printed = DumpText(options);
    EXPECT_TRUE(printed.status) << printed.status.error().message();
    return printed.text;
  }
  const TempDir out_;
  const TempDir spill_;
};

TEST_F(BlockBuilderTest, TakesSamplesInAnyOrder) {
  const auto builder = NewBuilder();
  const model::Labels b = {{"__name__", "b"}}, a = {{"__name__", "a"}};
  ASSERT_TRUE(builder->Append(b, 3'000, 3));
  ASSERT_TRUE(builder->Append(a, 2'000, 2));
  ASSERT_TRUE(builder->Append(b, 1'000, 1));
  ASSERT_TRUE(builder->Append(b, 4'000, 4));
  ASSERT_TRUE(builder->Append(b, 2'000, 2));
  ASSERT_TRUE(builder->Append(b, 2'000, 99));  // The first one of a time stays …
  ASSERT_TRUE(builder->Append(b, 4'000, 99));  // … here, too.
  const auto block = builder->Finish();
  ASSERT_TRUE(block) << block.error().message();
  ASSERT_TRUE(*block);
  EXPECT_EQ((*block)->min_time, 1'000);
  EXPECT_EQ((*block)->max_time, 4'001);
  EXPECT_EQ((*block)->num_samples, 5U);
  EXPECT_EQ((*block)->num_series, 2U);
  EXPECT_EQ(Content(),
            "{__name__=\"a\"} 2 2000\n{__name__=\"b\"} 1 1000\n{__name__=\"b\"} 2 2000\n"
            "{__name__=\"b\"} 3 3000\n{__name__=\"b\"} 4 4000\n");
}

TEST_F(BlockBuilderTest, NothingMakesNoBlock) {
  const auto block = NewBuilder()->Finish();
  ASSERT_TRUE(block);
  EXPECT_FALSE(*block);
  EXPECT_TRUE(std::filesystem::is_empty(out_.path() + "/blocks"));
}

// What does not fit into memory goes by way of parts on disk: same block.
TEST_F(BlockBuilderTest, SpillsWhatIsTooMuch) {
  const auto fill = [](BlockBuilder& builder) {
    // Descending over the parts, so that each part has samples of every series.
    for (model::TimestampMs t = 7'000'000; t > 0; t -= 2'000) {
      for (int s = 0; s < 5; ++s) {
        const model::Labels labels = {{"__name__", "m"}, {"s", std::to_string(s)}};
        ASSERT_TRUE(builder.Append(labels, t, static_cast<double>(t + s)));
        if (t % 10'000 == 0) {
          ASSERT_TRUE(builder.Append(labels, t, -1));
        }
      }
    }
  };
  const auto whole = NewBuilder();
  fill(*whole);
  ASSERT_TRUE(whole->Finish());
  const std::string want = Content();
  std::filesystem::remove_all(out_.path() + "/blocks");
  const auto spilling = NewBuilder(1);
  fill(*spilling);
  EXPECT_FALSE(std::filesystem::is_empty(spill_.path()));
  const auto block = spilling->Finish();
  ASSERT_TRUE(block) << block.error().message();
  EXPECT_TRUE(Content() == want);
  EXPECT_TRUE(std::filesystem::is_empty(spill_.path())) << "parts are of no use any more";
}

TEST_F(BlockBuilderTest, AFullDiskLeavesNothing) {
  narthex::testing::FaultFs fs(SystemFs());
  const auto builder = NewBuilder(1 << 30, fs);
  ASSERT_TRUE(builder->Append({{"__name__", "m"}}, 1, 1));
  fs.SetDiskFull(true);
  const auto block = builder->Finish();
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code(), Code::kIo);
  fs.SetDiskFull(false);
  EXPECT_TRUE(ReadBlockList(SystemFs(), out_.path() + "/blocks").value().empty());
}

TEST(BlockDurationTest, IsTheLargestRangeWithinTheLimit) {
  const struct {
    model::DurationMs max;
    model::DurationMs want;
  } cases[] = {{0, 2 * kHour},          {-5, 2 * kHour},
               {2 * kHour, 2 * kHour},  {5 * kHour, 2 * kHour},
               {6 * kHour, 6 * kHour},  {100 * kHour, 54 * kHour},
               {17 * kHour, 6 * kHour}, {1'000'000 * kHour, 39'366 * kHour}};
  for (const auto& [max, want] : cases) EXPECT_EQ(CompatibleBlockDuration(max), want) << max;
}

TEST(BlockDurationTest, NoRangeBeginsBeforeTheBeginOfTime) {
  EXPECT_EQ(AlignedStart(model::kMinTime, 2 * kHour), model::kMinTime);
  EXPECT_EQ(AlignedStart(model::kMinTime + 1, 2 * kHour), model::kMinTime);
}

TEST(BlockDurationTest, RangesAreAlignedBefore1970Too) {
  EXPECT_EQ(AlignedStart(7'200'000, 7'200'000), 7'200'000);
  EXPECT_EQ(AlignedStart(7'199'999, 7'200'000), 0);
  EXPECT_EQ(AlignedStart(0, 7'200'000), 0);
  EXPECT_EQ(AlignedStart(-1, 7'200'000), -7'200'000);
  EXPECT_EQ(AlignedStart(-7'200'000, 7'200'000), -7'200'000);
}

}  // namespace
}  // namespace narthex::tsdb::testing
