// SPDX-License-Identifier: Apache-2.0
//
// A chunk in memory that can't be decoded, whatever made it, stops neither the writing of the
// others to chunks_head nor the cut of a block.
#include <gtest/gtest.h>

#include "narthex/base/metrics.h"
#include "tests/support/temp_dir.h"
#include "tsdb/head/head.h"

namespace narthex::tsdb::testing {
namespace {

TEST(HeadFlushTest, ABadChunkStopsNothing) {
  const narthex::testing::TempDir dir;
  metrics::Registry registry;
  HeadOptions options;
  Head head(options, SystemFs(), dir.path(), registry);
  ReplayCursor cursor;
  ASSERT_TRUE(head.Load(model::kMinTime, cursor));
  std::vector<SeriesSlot> slots;
  const auto appender = head.NewAppender();
  for (const char* name : {"bad", "good"}) {
    storage::SeriesRef ref{0};
    ASSERT_EQ(appender->Append(ref, {{"__name__", name}}, 1'000, 1), storage::AppendError::kNone);
    slots.push_back(HeadState::SlotOf(ref));
  }
  ASSERT_TRUE(appender->Commit());
  // Past the check of the appender.
  auto& state = const_cast<HeadState&>(head.state());
  model::Histogram unreadable;
  unreadable.count = 1;
  unreadable.positive_spans = {{600'000'000, 1}};
  unreadable.positive_buckets = {1};
  {
    MemSeries& series = state.index.At(slots[0]);
    SeriesLock lock(series);
    state.chunks.AppendHistogram(series, 2'000, unreadable);
  }
  for (const SeriesSlot slot : slots) {
    MemSeries& series = state.index.At(slot);
    SeriesLock lock(series);
    state.chunks.CutOpen(series);
  }
  state.AddFull(slots);
  const auto flushed = state.FlushFull();
  EXPECT_TRUE(flushed) << flushed.error().message();
  EXPECT_EQ(state.metrics.mmap_chunks.value(), 2U);
  EXPECT_EQ(state.metrics.unreadable_chunks.value(), 1U);
  const auto source = head.NewBlockSource(0, 10'000);
  ASSERT_TRUE(source);
  std::string series;
  for (;;) {
    const auto more = (*source)->Next();
    ASSERT_TRUE(more) << more.error().message();
    if (!*more) break;
    series += (*source)->labels().ToString();
    EXPECT_EQ((*source)->chunks().size(), 1U);
  }
  EXPECT_EQ(series, R"({__name__="bad"}{__name__="good"})");
  EXPECT_EQ(state.metrics.unreadable_chunks.value(), 2U);
}

// Writing them at once would be for nothing when a block takes them soon.
TEST(HeadFlushTest, FullChunksWaitForTheNextFlush) {
  const narthex::testing::TempDir dir;
  metrics::Registry registry;
  Head head(HeadOptions(), SystemFs(), dir.path(), registry);
  ReplayCursor cursor;
  ASSERT_TRUE(head.Load(model::kMinTime, cursor));
  auto& state = const_cast<HeadState&>(head.state());
  const auto cut = [&](std::size_t n) {
    std::vector<SeriesSlot> slots;
    for (std::size_t i = 0; i < n; ++i) {
      const auto found = state.index.GetOrCreate({{"i", std::to_string(state.index.num_series())}});
      MemSeries& series = state.index.At(found.slot);
      SeriesLock lock(series);
      --series.pending;
      state.chunks.AppendFloat(series, 1'000, 1);
      state.chunks.CutOpen(series);
      slots.push_back(found.slot);
    }
    state.AddFull(slots);
  };
  cut(5'000);
  EXPECT_EQ(state.metrics.mmap_chunks.value(), 0U);
  // But not without end.
  cut(30'000);
  EXPECT_GT(state.metrics.mmap_chunks.value(), 0U);
  EXPECT_LT(state.metrics.mmap_chunks.value(), 5'000U);
  ASSERT_TRUE(state.FlushFull());
  EXPECT_EQ(state.metrics.mmap_chunks.value(), 35'000U);
  // A commit that ends more chunks than may wait writes those beyond.
  cut(70'000);
  EXPECT_GE(state.metrics.mmap_chunks.value(), 35'000U + 70'000 - 32 * 1024);
  ASSERT_TRUE(state.FlushFull());
  EXPECT_EQ(state.metrics.mmap_chunks.value(), 105'000U);
}

}  // namespace
}  // namespace narthex::tsdb::testing
