// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/compactor.h"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"
#include "tests/tsdb/support/promtool.h"
#include "tests/tsdb/support/test_blocks.h"
#include "tsdb/chunkenc/histogram.h"
#include "tsdb/compact/chunk_merge.h"

namespace narthex::tsdb::testing {
namespace {

using model::kMaxTime;
using model::kMinTime;
using model::Labels;
using model::Matcher;
using model::Sample;

constexpr const char* kOut = "01HF00000000000000000000ZZ";

std::string UlidOf(int n) {
  std::string ulid = "01HF0000000000000000000000";
  ulid.back() = static_cast<char>('0' + n);
  return ulid;
}

std::vector<Sample> Ramp(model::TimestampMs from, model::TimestampMs to, model::TimestampMs step,
                         double v) {
  std::vector<Sample> samples;
  for (auto t = from; t < to; t += step) samples.push_back({t, v + static_cast<double>(t)});
  return samples;
}

class CompactorTest : public ::testing::Test {
 protected:
  std::string DumpOf(const BlockPtr& block) {
    return Dump(*NewBlockQuerier(block, kMinTime, kMaxTime), kMinTime, kMaxTime);
  }
  BlockPtr Reopen(const std::string& ulid) {
    auto block = Block::Open(SystemFs(), JoinPath(dir_.path(), ulid));
    EXPECT_TRUE(block) << block.error().message();
    return *block;
  }
  BlockPtr Compact(const std::vector<BlockPtr>& inputs) {
    const auto meta = CompactBlocks(SystemFs(), dir_.path(), inputs, kOut, {});
    EXPECT_TRUE(meta && *meta);
    return Reopen(kOut);
  }
  narthex::testing::TempDir dir_;
};

const Labels kA{{"__name__", "a"}};
const Labels kB{{"__name__", "b"}, {"x", "1"}};
const Labels kC{{"__name__", "c"}};

TEST_F(CompactorTest, JoinsNeighbouringBlocksWithoutDecoding) {
  const auto first = MakeBlock(dir_.path(), UlidOf(1), 0, 1000,
                               {{kA, Ramp(0, 1000, 10, 0)}, {kC, Ramp(0, 1000, 500, 3)}});
  const auto second = MakeBlock(dir_.path(), UlidOf(2), 1000, 2000,
                                {{kA, Ramp(1000, 2000, 10, 0)}, {kB, Ramp(1000, 2000, 100, 1)}});
  const auto merged = Compact({first, second});
  EXPECT_EQ(DumpOf(merged), Dump(*NewBlockQuerier(first, 0, 999), kMinTime, kMaxTime,
                                 {Matcher::Equal("__name__", "a")}) +
                                DumpOf(second) +
                                Dump(*NewBlockQuerier(first, 0, 999), kMinTime, kMaxTime,
                                     {Matcher::Equal("__name__", "c")}));
  const BlockMeta& meta = merged->meta();
  EXPECT_EQ(meta.min_time, 0);
  EXPECT_EQ(meta.max_time, 2000);
  EXPECT_EQ(meta.compaction.level, 2);
  EXPECT_EQ(meta.compaction.sources, (std::vector<std::string>{UlidOf(1), UlidOf(2)}));
  ASSERT_EQ(meta.compaction.parents.size(), 2U);
  EXPECT_EQ(meta.compaction.parents[1].ulid, UlidOf(2));
  EXPECT_EQ(meta.compaction.parents[1].min_time, 1000);
  EXPECT_EQ(meta.stats.num_series, 3U);
  EXPECT_EQ(meta.stats.num_samples, 212U);
  EXPECT_EQ(meta.stats.num_chunks,
            first->meta().stats.num_chunks + second->meta().stats.num_chunks);
}

TEST_F(CompactorTest, MergesOverlappingBlocks) {
  const auto first = MakeBlock(dir_.path(), UlidOf(1), 0, 4000,
                               {{kA, Ramp(0, 4000, 10, 0)}, {kC, Ramp(0, 4000, 10, 0)}});
  const auto second = MakeBlock(dir_.path(), UlidOf(2), 0, 4000,
                                {{kA, Ramp(5, 4000, 10, 0.5)},  // Between those of the first.
                                 {kB, Ramp(0, 4000, 1000, 0)},
                                 {kC, Ramp(0, 4000, 10, 0)}});  // Identical.
  const auto merged = Compact({first, second});
  const auto querier = NewBlockQuerier(merged, kMinTime, kMaxTime);
  const auto set = querier->Select({}, {});
  ASSERT_TRUE(set);
  ASSERT_EQ((*set)->size(), 3U);
  storage::SampleColumns a;
  ASSERT_TRUE((*set)->Read(0, kMinTime, kMaxTime, a));
  ASSERT_EQ(a.t.size(), 800U);
  for (std::size_t i = 0; i < a.t.size(); ++i) {
    ASSERT_EQ(a.t[i], static_cast<std::int64_t>(5 * i));
    ASSERT_EQ(a.v[i], static_cast<double>(a.t[i]) + (i % 2 == 0 ? 0 : 0.5));
  }
  // 800 samples are 7 chunks of at most 120; the 4 identical chunks of c are kept once.
  EXPECT_EQ(merged->meta().stats.num_chunks, 7U + 1U + 4U);
  EXPECT_EQ(merged->meta().stats.num_samples, 800U + 4U + 400U);
}

TEST_F(CompactorTest, OfEqualTimesTheLaterBlockStays) {
  const auto first = MakeBlock(dir_.path(), UlidOf(1), 0, 100, {{kA, {{10, 1}, {20, 2}, {30, 3}}}});
  const auto second = MakeBlock(dir_.path(), UlidOf(2), 0, 100, {{kA, {{5, 50}, {20, 200}}}});
  EXPECT_EQ(DumpOf(Compact({first, second})),
            "{__name__=\"a\"} 50 5\n{__name__=\"a\"} 1 10\n{__name__=\"a\"} 200 20\n"
            "{__name__=\"a\"} 3 30\n");
}

TEST_F(CompactorTest, TombstonesAreApplied) {
  auto block = MakeBlock(dir_.path(), UlidOf(1), 0, 4000,
                         {{kA, Ramp(0, 4000, 10, 0)}, {kC, Ramp(0, 4000, 10, 0)}});
  const std::vector<Matcher> a{Matcher::Equal("__name__", "a")};
  const std::vector<Matcher> c{Matcher::Equal("__name__", "c")};
  ASSERT_TRUE(*DeleteFromBlock(SystemFs(), *block, 1000, 2500, a));
  block = Reopen(UlidOf(1));
  ASSERT_TRUE(*DeleteFromBlock(SystemFs(), *block, kMinTime, kMaxTime, c));
  block = Reopen(UlidOf(1));
  const std::string want = DumpOf(block);
  const auto meta = CleanBlock(SystemFs(), dir_.path(), block, kOut, {});
  ASSERT_TRUE(meta && *meta);
  const auto cleaned = Reopen(kOut);
  EXPECT_EQ(DumpOf(cleaned), want);
  EXPECT_TRUE(cleaned->tombstones().empty());
  EXPECT_EQ(cleaned->meta().stats.num_tombstones, 0U);
  EXPECT_EQ(cleaned->meta().stats.num_series, 1U);
  EXPECT_EQ(cleaned->meta().stats.num_samples, 400U - 151U);
  EXPECT_EQ(cleaned->meta().compaction.level, 1);
  EXPECT_EQ(cleaned->meta().compaction.sources, std::vector<std::string>{kOut});
  EXPECT_EQ(cleaned->meta().compaction.parents.at(0).ulid, UlidOf(1));
}

TEST_F(CompactorTest, NothingLeftMarksTheInputsDeletable) {
  auto block = MakeBlock(dir_.path(), UlidOf(1), 0, 100, {{kA, {{1, 1}}}});
  ASSERT_TRUE(*DeleteFromBlock(SystemFs(), *block, kMinTime, kMaxTime, {}));
  block = Reopen(UlidOf(1));
  const std::vector<BlockPtr> inputs{block};
  const auto meta = CompactBlocks(SystemFs(), dir_.path(), inputs, kOut, {});
  ASSERT_TRUE(meta);
  EXPECT_FALSE(*meta);
  EXPECT_FALSE(SystemFs().Exists(JoinPath(dir_.path(), kOut)));
  EXPECT_TRUE(Reopen(UlidOf(1))->meta().compaction.deletable);
}

TEST_F(CompactorTest, AFailureMarksTheInputsAndLeavesNothing) {
  const auto first = MakeBlock(dir_.path(), UlidOf(1), 0, 100, {{kA, {{1, 1}}}});
  MakeBlock(dir_.path(), UlidOf(2), 100, 200, {{kA, {{101, 1}, {102, 7}}}});
  const std::string segment = JoinPath(dir_.path(), UlidOf(2) + "/chunks/000001");
  std::string bytes = *SystemFs().ReadFile(segment);
  bytes[12] = static_cast<char>(bytes[12] ^ 1);
  std::ofstream(segment, std::ios::binary) << bytes;
  const std::vector<BlockPtr> inputs{first, Reopen(UlidOf(2))};
  const auto meta = CompactBlocks(SystemFs(), dir_.path(), inputs, kOut, {});
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().code(), Code::kCorruption);
  EXPECT_NE(meta.error().message().find(UlidOf(2)), std::string::npos) << meta.error().message();
  EXPECT_EQ(SystemFs().ListDir(dir_.path())->size(), 2U);
  EXPECT_TRUE(Reopen(UlidOf(1))->meta().compaction.failed);
  BlockWriteOptions cancelled;
  cancelled.cancelled = [] { return true; };
  const std::vector<BlockPtr> one{first};
  ASSERT_TRUE(WriteBlockMeta(SystemFs(), first->dir(), first->meta()));
  const auto stopped = CompactBlocks(SystemFs(), dir_.path(), one, kOut, cancelled);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Code::kCancelled);
  EXPECT_FALSE(Reopen(UlidOf(1))->meta().compaction.failed);
}

// What passes by itself, as a full disk does, must not keep the blocks from being merged later.
TEST_F(CompactorTest, AFullDiskMarksNothing) {
  narthex::testing::FaultFs fs(SystemFs());
  const std::vector<BlockPtr> inputs{
      MakeBlock(dir_.path(), UlidOf(1), 0, 100, {{kA, {{1, 1}}}}),
      MakeBlock(dir_.path(), UlidOf(2), 100, 200, {{kA, {{101, 1}}}})};
  fs.SetHook([](narthex::testing::FileOp op, const std::string& path, int) {
    const bool full =
        op == narthex::testing::FileOp::kWrite && path.find("/chunks/") != std::string::npos;
    return full ? narthex::testing::Fault::kFail : narthex::testing::Fault::kNone;
  });
  const auto meta = CompactBlocks(fs, dir_.path(), inputs, kOut, {});
  ASSERT_FALSE(meta);
  EXPECT_EQ(meta.error().code(), Code::kIo);
  for (int n : {1, 2}) EXPECT_FALSE(Reopen(UlidOf(n))->meta().compaction.failed) << n;
}

TEST_F(CompactorTest, HintsOfTheResult) {
  const auto hinted = [&](int n, std::vector<std::string> hints) {
    const auto block = MakeBlock(dir_.path(), UlidOf(n), 0, 100, {{kA, {{n, 1}}}});
    BlockMeta meta = block->meta();
    meta.compaction.hints = std::move(hints);
    EXPECT_TRUE(WriteBlockMeta(SystemFs(), block->dir(), meta));
    return Reopen(UlidOf(n));
  };
  const auto out_of_order = hinted(1, {"from-out-of-order"});
  const auto too = hinted(2, {"from-out-of-order"});
  const auto plain = hinted(3, {});
  EXPECT_TRUE(Compact({out_of_order, too})->meta().compaction.HasHint(kHintOutOfOrder));
  ASSERT_TRUE(RemoveBlock(SystemFs(), dir_.path(), kOut));
  EXPECT_TRUE(Compact({out_of_order, plain})->meta().compaction.hints.empty());
}

TEST_F(CompactorTest, PromtoolReadsTheResult) {
  const auto promtool = FindPromtool();
  if (!promtool) GTEST_SKIP() << "no promtool in NARTHEX_PEERS or PATH";
  const auto first = MakeBlock(dir_.path(), UlidOf(1), 0, 4000,
                               {{kA, Ramp(0, 4000, 10, 0)}, {kC, Ramp(0, 4000, 10, 0)}});
  const auto second =
      MakeBlock(dir_.path(), UlidOf(2), 2000, 6000, {{kA, Ramp(2005, 6000, 7, 0.5)}});
  const auto merged = Compact({first, second});
  for (int n : {1, 2}) ASSERT_TRUE(RemoveBlock(SystemFs(), dir_.path(), UlidOf(n)));
  ASSERT_TRUE(SystemFs().CreateDirs(dir_.path() + "/wal"));
  const auto analyzed = RunCommand(*promtool + " tsdb analyze " + dir_.path());
  EXPECT_EQ(analyzed.exit_code, 0) << analyzed.output;
  const auto dump = RunCommand(*promtool + " tsdb dump " + dir_.path());
  EXPECT_EQ(dump.exit_code, 0) << dump.output.substr(0, 500);
  EXPECT_TRUE(dump.output == DumpOf(merged));
}

model::Histogram Counter(std::uint64_t count) {
  model::Histogram h;
  h.count = count;
  h.sum = static_cast<double>(count);
  h.positive_spans = {{0, 1}};
  h.positive_buckets = {static_cast<std::int64_t>(count)};
  return h;
}

template <typename H>
std::string HistogramBytes(std::vector<std::pair<model::TimestampMs, H>> samples) {
  HistogramChunk<H> chunk;
  for (const auto& [t, h] : samples) chunk.Append(t, h);
  return chunk.bytes();
}

TEST(ChunkMergerTest, MixedKindsAndResetsStartNewChunks) {
  using model::Histogram;
  const auto ints =
      HistogramBytes<Histogram>({{10, Counter(1)}, {30, Counter(2)}, {50, Counter(9)}});
  const auto reset = HistogramBytes<Histogram>({{40, Counter(1)}, {60, Counter(10)}});
  const auto floats = EncodeChunks({{20, 1}, {30, 5}})[0].second;
  ChunkMerger merger;
  ASSERT_TRUE(merger.Merge({{{10, 50, Encoding::kHistogram, AsBytes(ints)}, {}},
                            {{40, 60, Encoding::kHistogram, AsBytes(reset)}, {}},
                            {{20, 30, Encoding::kXor, AsBytes(floats)}, {}}}));
  // 10 histogram | 20 30 floats | 40 histogram 50 60 | and no reset between them.
  ASSERT_EQ(merger.chunks().size(), 3U);
  EXPECT_EQ(merger.chunks()[0].encoding, Encoding::kHistogram);
  EXPECT_EQ(merger.chunks()[1].encoding, Encoding::kXor);
  EXPECT_EQ(merger.chunks()[1].mint, 20);
  EXPECT_EQ(merger.chunks()[1].maxt, 30);
  EXPECT_EQ(ChunkSampleCount(Encoding::kHistogram, merger.chunks()[2].bytes), 3U);
  const auto again = HistogramBytes<Histogram>({{45, Counter(100)}});
  ASSERT_TRUE(merger.Merge({{{10, 50, Encoding::kHistogram, AsBytes(ints)}, {}},
                            {{45, 45, Encoding::kHistogram, AsBytes(again)}, {}}}));
  ASSERT_EQ(merger.chunks().size(), 2U) << "100 → 9 is a reset";
  const auto last =
      ReadHistograms<Histogram>(Encoding::kHistogram, merger.chunks()[1].bytes).value();
  EXPECT_EQ(last[0].t, 50);
  EXPECT_EQ(merger.chunks().back().bytes[2] >> 6, 0b10) << "a counter reset";
}

}  // namespace
}  // namespace narthex::tsdb::testing
