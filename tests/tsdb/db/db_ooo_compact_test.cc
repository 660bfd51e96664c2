// SPDX-License-Identifier: Apache-2.0
//
// Late samples into blocks, beside appends, queries, failures and kills.
#include <atomic>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/fault_fs.h"
#include "tests/tsdb/support/late.h"
#include "tsdb/block/meta.h"

namespace narthex::tsdb::testing {
namespace {

using model::TimestampMs;
using storage::AppendError;

const model::Labels kLabels = {{"__name__", "late"}};
constexpr TimestampMs kRange = kLateRange;
constexpr TimestampMs kNow = 1'700'000'040'000;  // A multiple of the range.

DbOptions Late(model::DurationMs window_ms = 10 * kRange) { return LateOptions(window_ms); }

AppendError AppendOne(Db& db, TimestampMs t, double v, const model::Labels& labels = kLabels) {
  return testing::AppendOne(db, t, v, labels);
}

SeriesData Want(std::vector<BitSample> samples, const model::Labels& labels = kLabels) {
  return SortedSeries(std::move(samples), labels);
}

TEST(DbOooTest, BlocksOfLateSamplesAreMarkedAndMerged) {
  DbFixture db(Late());
  std::vector<BitSample> samples;
  const auto append = [&](TimestampMs t) {
    ASSERT_EQ(AppendOne(*db.get(), t, static_cast<double>(t % 1000)), AppendError::kNone);
    samples.push_back({t, static_cast<double>(t % 1000)});
  };
  for (TimestampMs t = kNow; t < kNow + 2 * kRange; t += 1000) append(t);
  for (TimestampMs t = kNow + 500; t < kNow + 2 * kRange - 1000; t += 1000) append(t);
  append(kNow - 5 * kRange);
  std::size_t late_blocks = 0;
  // The head is cut up to the range that its newest samples are in; the late ones of that range
  // have a block that waits.
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db.ReadAll(), Want(samples));
  for (const auto& block : db->Blocks()) {
    const auto meta = ParseBlockMeta(block.meta_json).value();
    if (!meta.compaction.HasHint(kHintOutOfOrder)) continue;
    ++late_blocks;
    EXPECT_EQ(block.max_time - block.min_time, kRange);
    ASSERT_EQ(meta.compaction.parents.size(), 1U);
    EXPECT_EQ(meta.compaction.parents[0].ulid, "00000000000000000000000000");
  }
  EXPECT_EQ(late_blocks, 2U);
  EXPECT_TRUE(WblRecords(db.dir()).empty());
  db.Kill();
  EXPECT_EQ(db.ReadAll(), Want(samples)) << "the head's own part must not count as covered";
  for (TimestampMs t = kNow + 2 * kRange; t < kNow + 4 * kRange; t += 1000) append(t);
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db.ReadAll(), Want(samples));
  const auto blocks = db->Blocks();
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    EXPECT_GE(blocks[i].min_time, blocks[i - 1].max_time) << "overlapping blocks became one";
  }
  db.Kill();
  EXPECT_EQ(db.ReadAll(), Want(samples));
}

// The checkpoint is written before the late samples are in blocks: what is deleted of them must
// outlast it.
TEST(DbOooTest, DeletedLateSamplesStaySoAfterACheckpoint) {
  narthex::testing::FaultFs fs(SystemFs());
  DbFixture db(Late(), fs);
  for (int i = 0; i <= 10; ++i) {
    ASSERT_EQ(AppendOne(*db.get(), kNow + i * 1000, 1), AppendError::kNone);
  }
  ASSERT_EQ(AppendOne(*db.get(), kNow + 1500, 2), AppendError::kNone);
  ASSERT_EQ(AppendOne(*db.get(), kNow + 7500, 2), AppendError::kNone);
  const auto matcher = model::Matcher::Equal("__name__", "late");
  ASSERT_TRUE(db->DeleteSeries(kNow, kNow + 6000, std::span(&matcher, 1)));
  const auto want = db.ReadAll();
  ASSERT_EQ(want.at(kLabels.ToString()).size(), 5U);
  for (int i = 0; i < 4; ++i) db.Kill();  // So that there are segments for a checkpoint.
  for (int i = 1; i < 4; ++i) {
    AppendOne(*db.get(), kNow + i * kRange, 1, {{"__name__", "other"}});
  }
  fs.SetHook([](narthex::testing::FileOp, const std::string& path, int) {
    return path.find("/wbl/") != std::string::npos ? narthex::testing::Fault::kFail
                                                   : narthex::testing::Fault::kNone;
  });
  EXPECT_FALSE(db->Compact());
  fs.SetHook({});
  ASSERT_FALSE(db->Blocks().empty());
  EXPECT_GT(MetricOf(db, "prometheus_tsdb_checkpoint_creations_total"), 0);
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    EXPECT_EQ(db.ReadAll().at(kLabels.ToString()), want.at(kLabels.ToString()));
    round == 0 ? db.Kill() : db.Reopen();
  }
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(db.ReadAll().at(kLabels.ToString()), want.at(kLabels.ToString()));
}

// Whatever operation on files fails, and whenever the process dies after it, nothing is lost; and
// the next compaction succeeds.
TEST(DbOooTest, FailuresWhileCompactingLoseNothing) {
  for (int fail_at = 0; fail_at < 400; fail_at += 3) {  // Every one takes half a minute.
    SCOPED_TRACE(fail_at);
    narthex::testing::FaultFs fs(SystemFs());
    auto options = Late();
    options.out_of_order_cap_max = 5;
    DbFixture db(options, fs);
    std::vector<BitSample> samples;
    const auto append = [&](TimestampMs t) {
      ASSERT_EQ(AppendOne(*db.get(), t, 1), AppendError::kNone);
      samples.push_back({t, 1});
    };
    for (TimestampMs t = kNow; t < kNow + 2 * kRange; t += 4000) append(t);
    for (int i = 1; i < 14; ++i) append(kNow + kRange + 1 - i * kRange / 7);
    // Counted from the operation with which the work on late samples begins.
    bool failed = false;
    int number = -1;
    fs.SetHook([&](narthex::testing::FileOp, const std::string& path, int) {
      if (number >= 0 || path.find("/wbl/") != std::string::npos) ++number;
      if (number != fail_at) return narthex::testing::Fault::kNone;
      failed = true;
      return narthex::testing::Fault::kFail;
    });
    const auto compacted = db->Compact();
    EXPECT_EQ(db.ReadAll(), Want(samples));
    fs.SetHook({});
    db.Kill();
    EXPECT_EQ(db.ReadAll(), Want(samples));
    for (TimestampMs t = kNow + 2 * kRange; t < kNow + 4 * kRange; t += 4000) append(t);
    const auto again = db->Compact();
    EXPECT_TRUE(again) << again.error().message();
    EXPECT_EQ(db.ReadAll(), Want(samples));
    db.Kill();
    EXPECT_EQ(db.ReadAll(), Want(samples));
    if (!failed) {
      EXPECT_TRUE(compacted);
      return;
    }
  }
  FAIL() << "the compaction never got through";
}

// Late samples come, are compacted and read at once: a sample that was committed is always seen.
TEST(DbOooTest, AreCompactedAlsoWhenTheCheckpointFails) {
  narthex::testing::FaultFs fs(SystemFs());
  auto options = Late();
  options.wal_segment_bytes = 32 * 1024;
  DbFixture db(options, fs);
  for (int i = 0; i < 6000; ++i) {
    ASSERT_EQ(AppendOne(*db.get(), kNow + i * 25, 1), AppendError::kNone);
  }
  ASSERT_EQ(AppendOne(*db.get(), kNow + 60, 2), AppendError::kNone);
  EXPECT_FALSE(WblRecords(db.dir()).empty());
  fs.SetHook([](narthex::testing::FileOp, const std::string& path, int) {
    return path.find("/wal/checkpoint") != std::string::npos ? narthex::testing::Fault::kFail
                                                             : narthex::testing::Fault::kNone;
  });
  const Status status = db->Compact();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("create checkpoint"), std::string::npos)
      << status.error().message();
  EXPECT_TRUE(WblRecords(db.dir()).empty());
  EXPECT_EQ(db.ReadAll().begin()->second.size(), 6001U);
}

TEST(DbOooTest, ReadersMissNothingWhileCompacting) {
  DbFixture db(Late());
  std::atomic<TimestampMs> newest{kNow};
  std::atomic<std::size_t> committed{1};
  ASSERT_EQ(AppendOne(*db.get(), kNow, 1), AppendError::kNone);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    std::mt19937 random(7);
    for (int i = 1; i < 3000; ++i) {
      const TimestampMs t = kNow + i * 100;
      std::size_t added = 0;
      if (AppendOne(*db.get(), t, 1) == AppendError::kNone) ++added;
      const TimestampMs late = t - 50 - static_cast<TimestampMs>(random() % 2000) * 100;
      // Twice the same time is one sample.
      if (AppendOne(*db.get(), late - i % 50, 1, {{"__name__", "b"}, {"i", std::to_string(i)}}) ==
          AppendError::kNone) {
        ++added;
      }
      committed += added;
    }
    done = true;
  });
  std::thread compactor([&] {
    while (!done.load()) {
      const Status status = db->Compact();
      ASSERT_TRUE(status) << status.error().message();
    }
  });
  do {
    const std::size_t least = committed.load();
    std::size_t seen = 0;
    for (const auto& [labels, samples] : db.ReadAll()) seen += samples.size();
    ASSERT_GE(seen, least);
  } while (!done.load());
  writer.join();
  compactor.join();
  ASSERT_TRUE(db->Compact());
  std::size_t seen = 0;
  for (const auto& [labels, samples] : db.ReadAll()) seen += samples.size();
  EXPECT_EQ(seen, committed.load());
}

}  // namespace
}  // namespace narthex::tsdb::testing
