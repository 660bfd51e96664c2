// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/isolation.h"

#include <gtest/gtest.h>

namespace narthex::tsdb {
namespace {

constexpr SeriesSlot kSlot = 3;

bool Hidden(const Isolation::Reader& reader, const MemSeries& series, model::TimestampMs& from) {
  return reader.HiddenFrom(kSlot, series.commit, series.commit_t, from);
}

TEST(IsolationTest, ReadersSeeCommitsThatHadEnded) {
  Isolation isolation;
  MemSeries series;
  model::TimestampMs from = 0;
  const auto none = isolation.NewReader(0, model::kMaxTime);
  const auto first = isolation.BeginCommit();
  isolation.Mark(series, kSlot, first, 10);
  const auto during = isolation.NewReader(0, model::kMaxTime);
  isolation.EndCommit(first);
  const auto after = isolation.NewReader(0, model::kMaxTime);
  ASSERT_TRUE(Hidden(*none, series, from));
  EXPECT_EQ(from, 10);
  ASSERT_TRUE(Hidden(*during, series, from));
  EXPECT_EQ(from, 10);
  EXPECT_FALSE(Hidden(*after, series, from));
}

TEST(IsolationTest, OldReadersStayRightOverManyCommits) {
  Isolation isolation;
  MemSeries series;
  std::vector<std::shared_ptr<const Isolation::Reader>> readers;
  for (model::TimestampMs t = 0; t < 20; ++t) {
    readers.push_back(isolation.NewReader(0, model::kMaxTime));
    const auto commit = isolation.BeginCommit();
    isolation.Mark(series, kSlot, commit, t);
    isolation.EndCommit(commit);
  }
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < readers.size(); ++i) {
      if (readers[i] == nullptr) continue;
      model::TimestampMs from = 0;
      ASSERT_TRUE(Hidden(*readers[i], series, from));
      EXPECT_EQ(from, static_cast<model::TimestampMs>(i));
    }
    for (std::size_t i = 0; i < readers.size(); i += 2) readers[i] = nullptr;
  }
  readers.clear();
  EXPECT_EQ(isolation.held_bytes(), 0U) << "nothing is on record without readers";
}

TEST(IsolationTest, CommitsThatOverlapInTime) {
  Isolation isolation;
  MemSeries series;
  const auto slow = isolation.BeginCommit();
  const auto quick = isolation.BeginCommit();
  isolation.Mark(series, kSlot, quick, 5);
  const auto before = isolation.NewReader(0, model::kMaxTime);
  isolation.EndCommit(quick);
  const auto between = isolation.NewReader(0, model::kMaxTime);
  isolation.Mark(series, kSlot, slow, 6);
  isolation.EndCommit(slow);
  const auto after = isolation.NewReader(0, model::kMaxTime);
  model::TimestampMs from = 0;
  ASSERT_TRUE(Hidden(*before, series, from));
  EXPECT_EQ(from, 5);
  ASSERT_TRUE(Hidden(*between, series, from));
  EXPECT_EQ(from, 6) << "it sees the quick commit, not the slow one";
  EXPECT_FALSE(Hidden(*after, series, from));
}

TEST(IsolationTest, ReadersOfOlderTimesLeaveNoRecord) {
  Isolation isolation;
  MemSeries series;
  const auto reader = isolation.NewReader(0, 99);
  for (model::TimestampMs t = 100; t < 110; ++t) {
    const auto commit = isolation.BeginCommit();
    isolation.Mark(series, kSlot, commit, t);
    isolation.EndCommit(commit);
  }
  EXPECT_EQ(isolation.held_bytes(), 0U);
}

// A block that is cut from the head needs its series alive and nothing hidden, for a long time.
TEST(IsolationTest, ReadersOfNothingLeaveNoRecord) {
  Isolation isolation;
  MemSeries series;
  const auto alive = isolation.NewKeeper();
  for (model::TimestampMs t = 100; t < 110; ++t) {
    const auto reader = isolation.NewReader(0, 1000);
    const auto commit = isolation.BeginCommit();
    isolation.Mark(series, kSlot, commit, t);
    isolation.EndCommit(commit);
  }
  EXPECT_EQ(isolation.held_bytes(), 0U);
  EXPECT_LT(isolation.OldestReader(), isolation.NextReaderSequence());
}

TEST(IsolationTest, SequencesTellWhenMemoryIsFree) {
  Isolation isolation;
  auto first = isolation.NewReader(10, 20);
  const auto until = isolation.NextReaderSequence();
  auto second = isolation.NewReader(30, 40);
  EXPECT_LT(isolation.OldestReader(), until);
  EXPECT_TRUE(isolation.AnyReaderBelow(15, until));
  EXPECT_FALSE(isolation.AnyReaderBelow(10, until));
  EXPECT_FALSE(isolation.AnyReaderBelow(35, until)  // The second one began later.
               && !isolation.AnyReaderBelow(15, until));
  first.reset();
  EXPECT_GE(isolation.OldestReader(), until);
  EXPECT_FALSE(isolation.AnyReaderBelow(35, until));
}

}  // namespace
}  // namespace narthex::tsdb
