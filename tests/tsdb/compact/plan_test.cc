// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/plan.h"

#include <gtest/gtest.h>

#include "tsdb/compact/overlaps.h"
#include "tsdb/compact/retention.h"

namespace narthex::tsdb {
namespace {

using Times = std::vector<model::DurationMs>;
using Indexes = std::vector<std::size_t>;

constexpr model::DurationMs kHour = 3'600'000;

TEST(BlockRangesTest, TripleUpToTheLongest) {
  EXPECT_EQ(BlockRanges(20, 20), Times{20});
  EXPECT_EQ(BlockRanges(20, 10), Times{20});
  EXPECT_EQ(BlockRanges(20, 179), (Times{20, 60}));
  EXPECT_EQ(BlockRanges(20, 180), (Times{20, 60, 180}));
  EXPECT_EQ(BlockRanges(1, 1'000'000'000).size(), 10U);
}

TEST(BlockRangesTest, LongestFromRetention) {
  EXPECT_EQ(DefaultMaxBlockDuration(2 * kHour, 15 * 24 * kHour), 36 * kHour);
  EXPECT_EQ(DefaultMaxBlockDuration(2 * kHour, kHour), 2 * kHour);
  EXPECT_EQ(DefaultMaxBlockDuration(2 * kHour, 0), 31 * 24 * kHour);
  EXPECT_EQ(DefaultMaxBlockDuration(2 * kHour, 9999 * 24 * kHour), 31 * 24 * kHour);
}

BlockMeta B(model::TimestampMs min, model::TimestampMs max) {
  BlockMeta meta;
  meta.min_time = min;
  meta.max_time = max;
  meta.stats.num_series = 10;
  return meta;
}
BlockMeta Failed(BlockMeta meta) {
  meta.compaction.failed = true;
  return meta;
}
BlockMeta Deleted(BlockMeta meta, std::uint64_t tombstones) {
  meta.stats.num_tombstones = tombstones;
  return meta;
}
BlockMeta Stale(BlockMeta meta) {
  meta.compaction.hints = {std::string(kHintStaleSeries)};
  return meta;
}

// Cases after Prometheus's TestLeveledCompactor_plan: ranges 20, 60, 180, 540, 1620.
TEST(PlanCompactionTest, ChoosesBlocks) {
  const struct {
    const char* name;
    std::vector<BlockMeta> blocks;
    Indexes want;
  } cases[] = {
      {"nothing", {}, {}},
      {"one block", {B(0, 20)}, {}},
      {"two blocks: the newest is left alone", {B(0, 20), B(20, 40)}, {}},
      {"the window may still grow", {B(0, 20), B(20, 40), B(40, 60)}, {}},
      {"a full window", {B(0, 20), B(20, 40), B(40, 60), B(60, 80)}, {0, 1, 2}},
      {"a window with a gap that is past", {B(0, 20), B(20, 40), B(60, 80), B(80, 100)}, {0, 1}},
      {"blocks in any order", {B(60, 80), B(20, 40), B(0, 20), B(40, 60)}, {2, 1, 3}},
      {"a window of one block", {B(0, 20), B(60, 80), B(120, 140)}, {}},
      {"a block that does not fit a window is passed over",
       {B(0, 10), B(10, 30), B(30, 50), B(60, 80), B(80, 100)},
       {0, 1, 2}},
      {"long ones with short ones", {B(0, 60), B(60, 120), B(120, 180), B(180, 200)}, {0, 1, 2}},
      {"short ones first", {B(0, 60), B(60, 80), B(80, 100), B(100, 120), B(120, 140)}, {1, 2, 3}},
      {"negative times", {B(-60, -40), B(-40, -20), B(-20, 0), B(0, 20)}, {0, 1, 2}},
      {"a failed block keeps its window", {Failed(B(0, 20)), B(20, 40), B(40, 60), B(60, 80)}, {}},
      {"overlapping", {B(0, 20), B(19, 40), B(40, 60)}, {0, 1}},
      {"the first run of overlapping ones",
       {B(0, 20), B(10, 40), B(30, 50), B(60, 80), B(70, 90)},
       {0, 1, 2}},
      {"contained ones overlap", {B(0, 100), B(10, 20), B(50, 60), B(120, 140)}, {0, 1, 2}},
      {"touching ones do not overlap", {B(0, 20), B(20, 40)}, {}},
      {"many tombstones in a long block", {Deleted(B(0, 540), 3), B(540, 560)}, {0}},
      {"few tombstones in a long block", {Deleted(B(0, 2000), 0), B(2000, 2020)}, {}},
      {"many tombstones in a short block", {Deleted(B(0, 60), 3), B(60, 80)}, {}},
      {"everything deleted in a short block", {Deleted(B(0, 60), 10), B(60, 80)}, {0}},
      {"tombstones in the newest block wait", {B(0, 60), Deleted(B(60, 600), 10)}, {}},
      {"stale-series blocks keep to themselves",
       {B(0, 20), Stale(B(0, 20)), B(20, 40), Stale(B(10, 20)), B(40, 60)},
       {1, 3}},
  };
  const Times ranges = {20, 60, 180, 540, 1620};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<const BlockMeta*> metas;
    for (const BlockMeta& meta : c.blocks) metas.push_back(&meta);
    EXPECT_EQ(PlanCompaction(metas, ranges), c.want);
  }
}

TEST(PlanCompactionTest, OneRangeMergesOnlyOverlaps) {
  const std::vector<BlockMeta> blocks = {B(0, 20), B(20, 40), B(40, 60), B(60, 80)};
  std::vector<const BlockMeta*> metas;
  for (const BlockMeta& meta : blocks) metas.push_back(&meta);
  EXPECT_EQ(PlanCompaction(metas, Times{20}), Indexes{});
}

TEST(PlanCompactionTest, OverlappingBlocksMayBeLeftAlone) {
  const std::vector<BlockMeta> blocks = {B(0, 20), B(10, 30), B(40, 60)};
  std::vector<const BlockMeta*> metas;
  for (const auto& meta : blocks) metas.push_back(&meta);
  const Times ranges = {20, 60, 180};
  EXPECT_EQ(PlanCompaction(metas, ranges, true), (Indexes{0, 1}));
  EXPECT_EQ(PlanCompaction(metas, ranges, false), Indexes{});
}

TEST(RetentionTest, ByTime) {
  const std::vector<RetainedBlock> blocks = {{100, 1}, {300, 1}, {200, 1}};
  EXPECT_EQ(BeyondTimeRetention({}, 10), Indexes{});
  EXPECT_EQ(BeyondTimeRetention(blocks, 0), Indexes{});
  EXPECT_EQ(BeyondTimeRetention(blocks, 201), Indexes{});
  EXPECT_EQ(BeyondTimeRetention(blocks, 200), Indexes{0});
  EXPECT_EQ(BeyondTimeRetention(blocks, 100), (Indexes{2, 0}));
  EXPECT_EQ(BeyondTimeRetention(blocks, 1), (Indexes{2, 0})) << "the newest always stays";
}

// A block may begin at any time at all.
TEST(RetentionTest, TheBeginOfTimeDoesNotOverflow) {
  const std::vector<RetainedBlock> blocks = {{model::kMaxTime, 1}, {model::kMinTime + 1, 1}};
  EXPECT_EQ(BeyondTimeRetention(blocks, 1000), Indexes{1});
}

TEST(PlanCompactionTest, TheEndsOfTimeDoNotOverflow) {
  const std::vector<BlockMeta> blocks = {B(model::kMinTime, model::kMinTime + 20),
                                         B(model::kMinTime + 20, model::kMaxTime),
                                         B(model::kMaxTime - 20, model::kMaxTime)};
  std::vector<const BlockMeta*> metas;
  for (const auto& block : blocks) metas.push_back(&block);
  EXPECT_TRUE(PlanCompaction(metas, Times{20, 60, 180}, false).empty());
}

TEST(RetentionTest, BySize) {
  const std::vector<RetainedBlock> blocks = {{100, 10}, {300, 30}, {200, 20}};
  EXPECT_EQ(BeyondSizeRetention(blocks, 5, 0), Indexes{});
  EXPECT_EQ(BeyondSizeRetention(blocks, 5, 65), Indexes{});
  EXPECT_EQ(BeyondSizeRetention(blocks, 5, 64), Indexes{0});
  EXPECT_EQ(BeyondSizeRetention(blocks, 5, 54), (Indexes{2, 0}));
  EXPECT_EQ(BeyondSizeRetention(blocks, 5, 34), (Indexes{1, 2, 0}));
}

// The wording is Prometheus's.
TEST(DescribeOverlapsTest, NamesEachGroup) {
  BlockMeta a = B(0, 2 * kHour), b = B(kHour, 3 * kHour), c = B(3 * kHour, 5 * kHour),
            d = B(4 * kHour, 6 * kHour), e = B(4 * kHour + 500, 5 * kHour);
  a.ulid = "A", b.ulid = "B", c.ulid = "C", d.ulid = "D", e.ulid = "E";
  const auto describe = [](std::vector<const BlockMeta*> metas) { return DescribeOverlaps(metas); };
  EXPECT_EQ(describe({}), "");
  EXPECT_EQ(describe({&a, &c}), "");
  EXPECT_EQ(describe({&a, &b, &c, &d, &e}),
            "[mint: 3600000, maxt: 7200000, range: 1h0m0s, blocks: 2]: "
            "<ulid: A, mint: 0, maxt: 7200000, range: 2h0m0s>, "
            "<ulid: B, mint: 3600000, maxt: 10800000, range: 2h0m0s>\n"
            "[mint: 14400500, maxt: 18000000, range: 59m59.5s, blocks: 3]: "
            "<ulid: C, mint: 10800000, maxt: 18000000, range: 2h0m0s>, "
            "<ulid: D, mint: 14400000, maxt: 21600000, range: 2h0m0s>, "
            "<ulid: E, mint: 14400500, maxt: 18000000, range: 59m59.5s>");
}

}  // namespace
}  // namespace narthex::tsdb
