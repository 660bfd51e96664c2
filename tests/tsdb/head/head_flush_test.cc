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

}  // namespace
}  // namespace narthex::tsdb::testing
