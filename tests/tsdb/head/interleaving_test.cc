// SPDX-License-Identifier: Apache-2.0
//
// Operations of the head that meet: what one of them does in the middle of another.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/base/metrics.h"
#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"
#include "tsdb/head/head.h"

namespace narthex::tsdb::testing {
namespace {

using model::TimestampMs;
using narthex::testing::FaultFs;
using narthex::testing::FileOp;
using narthex::testing::TempDir;
using storage::AppendError;
using storage::SeriesRef;

constexpr TimestampMs kRange = 60'000;
constexpr TimestampMs kStart = 1'700'000'040'000;  // A multiple of the range.
const model::Labels kOld = {{"__name__", "old"}};
const model::Labels kNew = {{"__name__", "new"}};

HeadOptions SmallRanges() {
  HeadOptions options;
  options.limits.chunk_range_ms = kRange;
  return options;
}

std::vector<TimestampMs> Times(TimestampMs first, int count) {
  std::vector<TimestampMs> times;
  for (int i = 0; i < count; ++i) times.push_back(first + i);
  return times;
}

class InterleavingTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(head_.Load(model::kMinTime, progress_)); }

  std::unique_ptr<storage::Appender> Pending(const model::Labels& labels,
                                             const std::vector<TimestampMs>& times) {
    auto appender = head_.NewAppender();
    SeriesRef ref{0};
    for (const TimestampMs t : times) {
      // Values that do not compress.
      const auto v = static_cast<double>(static_cast<std::uint64_t>(t) * 0x9e3779b97f4a7c15);
      EXPECT_EQ(appender->Append(ref, labels, t, v), AppendError::kNone) << t;
    }
    return appender;
  }
  void Append(const model::Labels& labels, const std::vector<TimestampMs>& times) {
    ASSERT_TRUE(Pending(labels, times)->Commit());
  }

  TempDir dir_;
  FaultFs fs_{SystemFs()};
  metrics::Registry registry_;
  ReplayCursor progress_;
  Head head_{SmallRanges(), fs_, dir_.path(), registry_};
};

// A commit may fill several chunks of a series, and several commits do before the next flush.
TEST_F(InterleavingTest, EachFullChunkIsWrittenOnce) {
  Append(kOld, Times(kStart, 1000));
  ASSERT_TRUE(head_.Maintain());
  ASSERT_TRUE(head_.Close());
  ChunkFiles files(SystemFs(), dir_.path() + "/chunks_head");
  std::vector<TimestampMs> starts;
  ASSERT_TRUE(
      files.Load([&](ChunkPlace, const HeadChunk& chunk) { starts.push_back(chunk.chunk.mint); }));
  ASSERT_GE(starts.size(), 4U);
  for (std::size_t i = 1; i < starts.size(); ++i) {
    EXPECT_GT(starts[i], starts[i - 1])
        << "Prometheus takes a chunk that goes back for a corrupt one";
  }
}

// A file of chunks_head is mapped anew when it grows. A reader that meets both mappings in one
// series holds chunks of the old one too.
TEST_F(InterleavingTest, FilesGrowWhileABlockIsCut) {
  Append(kNew, Times(kStart, 300));
  Append(kOld, Times(kStart, 300));
  ASSERT_TRUE(head_.Maintain());
  const auto source = head_.NewSnapshotSource(kStart, kStart + kRange);
  ASSERT_TRUE(source->Next().value());
  ASSERT_EQ(source->labels(), kNew);

  Append({{"__name__", "other"}}, Times(kStart, 20'000));  // More than is mapped at first.
  Append(kOld, Times(kStart + 1000, 300));
  ASSERT_TRUE(head_.Maintain());
  ASSERT_TRUE(source->Next().value());
  ASSERT_EQ(source->labels(), kOld);
  storage::SampleColumns columns;
  for (const auto& chunk : source->chunks()) {
    ASSERT_TRUE(
        DecodeChunk(chunk.encoding, chunk.bytes, model::kMinTime, model::kMaxTime, columns));
  }
  EXPECT_EQ(std::vector(columns.t.begin(), columns.t.end()), Times(kStart, 300))
      << "what was there when the block was begun";
}

// A truncation looks for the oldest sample; a commit meanwhile may bring an older one, which the
// next block must have.
TEST_F(InterleavingTest, TruncationKnowsOfSamplesThatComeMeanwhile) {
  constexpr TimestampMs kCut = kStart + kRange;
  Append(kOld, {kStart, kCut + kRange / 2});
  const auto appender = Pending(kNew, {kCut + 1});  // It may still write from the cut on.
  Append(kOld, {kCut + 2 * kRange});
  ASSERT_TRUE(head_.Maintain());  // The times of chunks in files are known exactly.
  bool committed = false;
  fs_.SetBefore([&](FileOp op, const std::string& path) {
    if (committed || op != FileOp::kList || path != dir_.path() + "/chunks_head") return;
    committed = true;
    EXPECT_TRUE(appender->Commit());
  });
  const Status status = head_.Truncate(kCut);
  fs_.SetBefore(nullptr);
  ASSERT_TRUE(status);
  ASSERT_TRUE(committed);
  EXPECT_LE(head_.min_time(), kCut + 1);
}

}  // namespace
}  // namespace narthex::tsdb::testing
