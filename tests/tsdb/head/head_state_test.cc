// SPDX-License-Identifier: Apache-2.0
//
// Races of full chunks that are being written, read and dropped, made to happen.
#include "tsdb/head/head_state.h"

#include <functional>
#include <random>
#include <utility>

#include <gtest/gtest.h>

#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"
#include "tsdb/head/chunk_reader.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;
using narthex::testing::Fault;
using narthex::testing::FaultFs;
using narthex::testing::FileOp;

constexpr TimestampMs kStart = 1'700'000'000'000;

// So that only their size ends chunks.
HeadOptions LongRange() {
  HeadOptions options;
  options.limits.chunk_range_ms = 1'000'000'000;
  return options;
}

class HeadStateTest : public ::testing::Test {
 protected:
  SeriesSlot Create(const char* name) { return head_.index.GetOrCreate({{"__name__", name}}).slot; }
  // Adds a sample a second until a chunk is full. @return the samples of that chunk
  std::vector<TimestampMs> FillChunk(SeriesSlot slot) {
    MemSeries& series = head_.index.At(slot);
    std::vector<TimestampMs> times;
    SeriesLock lock(series);
    if (series.has_open_chunk()) times.push_back(series.xor_state.t);
    while (true) {
      const TimestampMs t = kStart + 1'000LL * ++count_;
      if (head_.chunks.AppendFloat(series, t, static_cast<double>(random_()))) return times;
      times.push_back(t);
    }
  }
  void FillChunks(SeriesSlot slot, int n) {
    for (int i = 0; i < n; ++i) FillChunk(slot);
  }
  void Flush(SeriesSlot slot) {
    std::vector<SeriesSlot> slots = {slot};
    head_.AddFull(slots);
    const auto status = head_.FlushFull();
    ASSERT_TRUE(status) << status.error().message();
  }
  std::vector<TimestampMs> TimesOf(SeriesSlot slot) {
    ChunkReader reader(head_);
    reader.Load(slot, model::kMinTime, model::kMaxTime, nullptr);
    storage::SampleColumns columns;
    const auto status = reader.Decode(columns);
    EXPECT_TRUE(status) << status.error().message();
    return {columns.t.begin(), columns.t.end()};
  }

  narthex::testing::TempDir dir_;
  FaultFs fs_{SystemFs()};
  metrics::Registry registry_;
  HeadState head_{LongRange(), fs_, dir_.path(), registry_};
  int count_ = 0;
  std::mt19937_64 random_{5};
};

// The list of so many chunks takes more than one slab of the arena.
TEST_F(HeadStateTest, AListOfFullChunksGrowsBeyondASlab) {
  const SeriesSlot slot = Create("a");
  MemSeries& series = head_.index.At(slot);
  constexpr std::size_t kChunks = (64 << 10) / sizeof(FullChunk) + 40;
  while (head_.chunks.FullChunks(series).size() < kChunks) FillChunk(slot);
  for (const auto& chunk : head_.chunks.FullChunks(series)) {
    ASSERT_TRUE(chunk.in_memory());
    ASSERT_GT(chunk.size(), 0U);
  }
  SeriesLock lock(series);
  head_.chunks.DropFull(series, kChunks);
  EXPECT_TRUE(head_.chunks.FullChunks(series).empty());
}

// While a chunk is being written it is dropped, and its memory is given to another one.
TEST_F(HeadStateTest, AChunkThatTookTheMemoryOfAnotherStaysInMemory) {
  ASSERT_TRUE(SystemFs().CreateDirs(dir_.path() + "/chunks_head"));
  const SeriesSlot slot = Create("a");
  MemSeries& series = head_.index.At(slot);
  FillChunk(slot);
  std::vector<SeriesSlot> slots = {slot};
  head_.AddFull(slots);
  const auto before = head_.chunks.FullChunks(series)[0];
  std::vector<TimestampMs> second;
  std::function<void()> meanwhile = [&] {
    {
      SeriesLock lock(series);
      head_.chunks.DropFull(series, 1);
    }
    second = FillChunk(slot);
    const auto& taken = head_.chunks.FullChunks(series)[0];
    ASSERT_TRUE(taken.in_memory());
    ASSERT_EQ(taken.offset, before.offset);
  };
  fs_.SetHook([&](FileOp op, const std::string& path, int) {
    if (op != FileOp::kWrite || path.find("chunks_head") == std::string::npos) return Fault::kNone;
    if (meanwhile) std::exchange(meanwhile, {})();
    return Fault::kNone;
  });
  ASSERT_TRUE(head_.FlushFull());
  fs_.SetHook({});
  ASSERT_FALSE(meanwhile);
  const auto after = head_.chunks.FullChunks(series);
  ASSERT_EQ(after.size(), 1U);
  EXPECT_TRUE(after[0].in_memory());
  second.push_back(series.xor_state.t);
  EXPECT_EQ(TimesOf(slot), second);
}

// A reader that has read the file before it grew gets the beginning of a series from the old
// mapping and its end from the new one. Both must stay.
TEST_F(HeadStateTest, ChunksStayMappedWhileAReaderHasThem) {
  ASSERT_TRUE(SystemFs().CreateDirs(dir_.path() + "/chunks_head"));
  const SeriesSlot first = Create("a");
  FillChunk(first);
  Flush(first);
  const SeriesSlot second = Create("b");
  FillChunk(second);
  Flush(second);
  ChunkReader reader(head_);
  std::vector<ChunkView> views;
  reader.Load(first, model::kMinTime, model::kMaxTime, nullptr);
  ASSERT_TRUE(reader.Chunks(views));
  FillChunks(second, 300);  // More than was mapped so far.
  Flush(second);
  reader.Load(second, model::kMinTime, model::kMaxTime, nullptr);
  const auto status = reader.Chunks(views);
  ASSERT_TRUE(status) << status.error().message();
  ASSERT_EQ(views.size(), 302U);
  TimestampMs last = 0;
  for (ChunkView view : views) {
    const TimestampMs mint = view.mint;
    ASSERT_TRUE(ChunkTimes(view));
    EXPECT_EQ(view.mint, mint);
    EXPECT_GT(view.mint, last);
    last = view.maxt;
  }
}

// What comes after the wanted time is not looked at: not even in a file that is gone.
TEST_F(HeadStateTest, ChunksAfterTheWantedTimeAreNotRead) {
  ASSERT_TRUE(SystemFs().CreateDirs(dir_.path() + "/chunks_head"));
  const SeriesSlot slot = Create("a");
  const auto times = FillChunk(slot);
  FillChunks(slot, 3);
  Flush(slot);
  head_.chunks.FullChunks(head_.index.At(slot))[2].file = 99;
  ChunkReader reader(head_);
  std::vector<ChunkView> views;
  reader.Load(slot, model::kMinTime, times.back(), nullptr);
  const auto status = reader.Chunks(views);
  ASSERT_TRUE(status) << status.error().message();
  ASSERT_EQ(views.size(), 1U);
}

}  // namespace
}  // namespace narthex::tsdb
