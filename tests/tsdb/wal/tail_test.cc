// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/tsdb/wal_records.h"
#include "narthex/tsdb/wal_tail.h"
#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"
#include "tsdb/wal/checkpoint.h"
#include "tsdb/wal/records.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb {
namespace {

using narthex::testing::Fault;
using narthex::testing::FaultFs;
using narthex::testing::FileOp;
using narthex::testing::TempDir;
using wal::RecordType;

std::string SeriesRecord(wal::WalRef ref, std::string_view name) {
  std::string record;
  wal::BeginSeries(record);
  wal::AppendSeries(ref, {{"__name__", name}}, record);
  return record;
}

std::string SamplesRecord(wal::WalRef ref, model::TimestampMs t, std::size_t count = 1) {
  std::vector<wal::SampleEntry> entries;
  for (std::size_t i = 0; i < count; ++i) {
    entries.push_back({ref, t + static_cast<model::TimestampMs>(i), static_cast<double>(i)});
  }
  std::string record;
  wal::EncodeSamples(entries, record);
  return record;
}

class TailTest : public ::testing::Test {
 protected:
  void OpenWal(std::uint64_t segment_bytes = 128 << 20,
               WalCompression compression = WalCompression::kSnappy) {
    wal_ = nullptr;
    auto opened = wal::Wal::Open(fs_, dir(), {segment_bytes, compression}, {});
    ASSERT_TRUE(opened) << opened.error().message();
    wal_ = std::move(*opened);
  }
  void Log(const std::string& record) {
    const Status status = wal_->Log({&record, 1});
    ASSERT_TRUE(status) << status.error().message();
  }
  std::string dir() const { return root_.path() + "/wal"; }

  /// All records up to where the log ends, in words; what is of the checkpoint with a star.
  static std::vector<std::string> Read(WalTail& tail) {
    std::vector<std::string> found;
    for (;;) {
      const Result<TailStep> step = tail.Next();
      if (!step) {
        found.push_back("error " + step.error().message());
        return found;
      }
      if (*step == TailStep::kCaughtUp) return found;
      if (*step == TailStep::kGap) {
        found.emplace_back("gap");
        continue;
      }
      found.push_back((tail.in_checkpoint() ? "*" : "") + Describe(tail.record()));
    }
  }
  static std::string Describe(ByteSpan record) {
    std::vector<wal::SeriesEntry> series;
    std::vector<wal::SampleEntry> samples;
    switch (wal::TypeOf(record)) {
      case RecordType::kSeries:
        EXPECT_TRUE(wal::DecodeSeries(record, series));
        return "series " + std::to_string(series.front().ref);
      case RecordType::kSamples:
        EXPECT_TRUE(wal::DecodeSamples(record, samples));
        return "t " + std::to_string(samples.front().t);
      default:
        return "other";
    }
  }

  TempDir root_;
  FaultFs fs_{SystemFs()};
  std::unique_ptr<wal::Wal> wal_;
};

using Strings = std::vector<std::string>;

TEST_F(TailTest, FollowsCommitsOverSegments) {
  OpenWal(32 * 1024, WalCompression::kNone);
  WalTail tail(fs_, dir(), wal_->progress());
  ASSERT_TRUE(tail.Open());
  EXPECT_EQ(Read(tail), Strings());
  Log(SeriesRecord(1, "a"));
  Log(SamplesRecord(1, 100));
  EXPECT_EQ(Read(tail), (Strings{"series 1", "t 100"}));
  EXPECT_EQ(Read(tail), Strings());
  Strings want;
  for (int t = 1000; t < 1400; ++t) {
    // The numbers differ, so that compression does not make everything fit into one segment.
    Log(SamplesRecord(1, t, 40));
    want.push_back("t " + std::to_string(t));
  }
  ASSERT_GT(wal_->current_segment(), 2);
  EXPECT_EQ(Read(tail), want);
  EXPECT_EQ(tail.next_position(), wal_->progress()->written());
  EXPECT_EQ(tail.num_damaged(), 0U);
}

TEST_F(TailTest, RecordsOverSeveralPages) {
  for (const auto compression :
       {WalCompression::kNone, WalCompression::kSnappy, WalCompression::kZstd}) {
    wal_ = nullptr;
    std::filesystem::remove_all(dir());
    OpenWal(128 << 20, compression);
    WalTail tail(fs_, dir(), wal_->progress());
    ASSERT_TRUE(tail.Open());
    Strings want;
    for (const int t : {1, 2, 3}) {
      Log(SamplesRecord(1, t, 30'000));
      want.push_back("t " + std::to_string(t));
    }
    EXPECT_EQ(Read(tail), want);
  }
}

// A reader that knows nothing of the writer takes what is whole, at each length of the file.
TEST_F(TailTest, WaitsForTheEndOfARecordWithoutAWriter) {
  OpenWal();
  Log(SamplesRecord(1, 1));
  Log(SamplesRecord(1, 2, 9000));
  Log(SamplesRecord(1, 3));
  const std::string path = wal::SegmentPath(dir(), 0);
  const std::string bytes = SystemFs().ReadFile(path).value();
  const std::string copy = root_.path() + "/copy";
  ASSERT_TRUE(SystemFs().CreateDirs(copy));
  auto file = SystemFs().OpenWritable(wal::SegmentPath(copy, 0), OpenMode::kCreate).value();
  WalTail tail(SystemFs(), copy, nullptr);
  ASSERT_TRUE(tail.Open());
  Strings found;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t n = std::min<std::size_t>(997, bytes.size() - at);
    ASSERT_TRUE(file->Append(AsBytes(std::string_view(bytes).substr(at, n))));
    at += n;
    for (auto& text : Read(tail)) found.push_back(std::move(text));
  }
  EXPECT_EQ(found, (Strings{"t 1", "t 2", "t 3"}));
}

TEST_F(TailTest, NothingThatWasTakenBackIsRead) {
  OpenWal();
  WalTail tail(fs_, dir(), wal_->progress());
  ASSERT_TRUE(tail.Open());
  Log(SamplesRecord(1, 1));
  fs_.SetHook([](FileOp op, const std::string&, int) {
    return op == FileOp::kWrite || op == FileOp::kTruncate ? Fault::kTear : Fault::kNone;
  });
  const std::string lost = SamplesRecord(1, 2, 5000);
  EXPECT_FALSE(wal_->Log({&lost, 1}));
  EXPECT_EQ(Read(tail), Strings{"t 1"});
  fs_.SetHook({});
  Log(SamplesRecord(1, 3));
  EXPECT_EQ(Read(tail), Strings{"t 3"});
}

TEST_F(TailTest, TornEndsAndDamageOfEarlierRunsArePassedOver) {
  OpenWal(128 << 20, WalCompression::kNone);
  Log(SamplesRecord(1, 1));
  Log(SamplesRecord(1, 2, 100));
  const std::uint64_t size = wal_->progress()->written().offset;
  wal_ = nullptr;
  std::filesystem::resize_file(wal::SegmentPath(dir(), 0), size - 3);  // As a kill leaves it.
  OpenWal(128 << 20, WalCompression::kNone);
  Log(SamplesRecord(1, 3));
  Log(SamplesRecord(1, 4));
  Log(SamplesRecord(1, 5));
  wal_ = nullptr;
  {
    const std::string path = wal::SegmentPath(dir(), 1);
    std::string bytes = SystemFs().ReadFile(path).value();
    bytes[60] = static_cast<char>(bytes[60] ^ 1);
    auto file = SystemFs().OpenWritable(path, OpenMode::kCreate).value();
    ASSERT_TRUE(file->Append(AsBytes(bytes)));
  }
  OpenWal();
  Log(SamplesRecord(1, 6));
  WalTail tail(fs_, dir(), wal_->progress());
  ASSERT_TRUE(tail.Open());
  EXPECT_EQ(Read(tail), (Strings{"t 1", "t 3", "t 6"}));
  EXPECT_EQ(tail.num_damaged(), 1U) << "a torn end is none";
}

TEST_F(TailTest, ReadsTheCheckpointFirstAndTellsOfLostSegments) {
  OpenWal();
  Log(SeriesRecord(1, "a"));
  Log(SamplesRecord(1, 1));
  WalTail slow(fs_, dir(), wal_->progress());
  WalTail waiting(fs_, dir(), wal_->progress());
  ASSERT_TRUE(slow.Open());
  ASSERT_TRUE(waiting.Open());
  ASSERT_TRUE(slow.Next());  // It has the first segment open.
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(wal_->NextSegment());
    Log(SamplesRecord(1, 10 + i));
  }
  wal::CheckpointFilter filter;
  filter.mint = filter.late_mint = 100;
  filter.keep = [](wal::WalRef) { return true; };
  ASSERT_TRUE(wal::WriteCheckpoint(fs_, dir(), 0, 1, filter, {}));
  ASSERT_TRUE(wal_->TruncateBefore(2));

  EXPECT_EQ(Read(waiting), (Strings{"gap", "*series 1", "t 11", "t 12"}));
  EXPECT_EQ(waiting.first_segment(), 2);
  EXPECT_EQ(Read(slow), (Strings{"t 1", "gap", "*series 1", "t 11", "t 12"}))
      << "what is open is read to its end";
  WalTail fresh(fs_, dir(), wal_->progress());
  ASSERT_TRUE(fresh.Open());
  EXPECT_EQ(Read(fresh), (Strings{"*series 1", "t 11", "t 12"}));
  EXPECT_EQ(fresh.position().segment, 3);
}

TEST_F(TailTest, PassesOverSamplesThatNobodyWants) {
  for (const auto compression :
       {WalCompression::kNone, WalCompression::kSnappy, WalCompression::kZstd}) {
    wal_ = nullptr;
    std::filesystem::remove_all(dir());
    OpenWal(128 << 20, compression);
    Log(SeriesRecord(1, "a"));
    Log(SamplesRecord(1, 1));
    Log(SamplesRecord(1, 2, 5000));
    Log(SeriesRecord(2, std::string(5000, 'x')));
    ASSERT_TRUE(wal_->NextSegment());
    Log(SamplesRecord(2, 3));
    WalTail tail(fs_, dir(), wal_->progress());
    ASSERT_TRUE(tail.Open({1, 0}));
    Strings found = Read(tail);
    // What is packed by zstd has to be unpacked to be known.
    if (compression == WalCompression::kZstd) std::erase(found, "t 2");
    if (compression == WalCompression::kZstd) std::erase(found, "t 1");
    EXPECT_EQ(found, (Strings{"series 1", "series 2", "t 3"}));
  }
}

TEST_F(TailTest, VisitsACheckpointOnceAndOnlyOfWhatWasRead) {
  OpenWal();
  Log(SeriesRecord(7, "a"));
  WalTail tail(fs_, dir(), wal_->progress());
  ASSERT_TRUE(tail.Open());
  std::vector<wal::WalRef> seen;
  const auto visit = [&](int segment, std::span<const wal::WalRef> refs) {
    EXPECT_EQ(segment, 1);
    seen.insert(seen.end(), refs.begin(), refs.end());
  };
  EXPECT_FALSE(tail.VisitNewCheckpoint(visit).value());
  ASSERT_TRUE(wal_->NextSegment());
  ASSERT_TRUE(wal_->NextSegment());
  wal::CheckpointFilter filter;
  filter.keep = [](wal::WalRef) { return true; };
  ASSERT_TRUE(wal::WriteCheckpoint(fs_, dir(), 0, 1, filter, {}));
  EXPECT_FALSE(tail.VisitNewCheckpoint(visit).value()) << "segment 0 is still being read";
  Read(tail);
  EXPECT_EQ(tail.VisitNewCheckpoint(visit).value(), 1);
  EXPECT_EQ(seen, std::vector<wal::WalRef>{7});
  EXPECT_FALSE(tail.VisitNewCheckpoint(visit).value());
}

}  // namespace
}  // namespace narthex::tsdb
