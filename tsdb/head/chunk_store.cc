// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/chunk_store.h"

#include <cstring>

#include "narthex/base/coding.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;

constexpr std::size_t kFirstChunkBytes = 32;

std::int64_t Minus(TimestampMs a, TimestampMs b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

}  // namespace

TimestampMs EstimateChunkEnd(TimestampMs start, TimestampMs current, TimestampMs max,
                             double ratio) {
  const auto whole = static_cast<double>(Minus(max, start));
  const double n = whole / (static_cast<double>(Minus(current, Minus(start, 1))) * ratio);
  if (!(n > 1)) return max;
  const double end = static_cast<double>(start) + whole / std::floor(n);
  return end < 0x1p63 ? static_cast<TimestampMs>(end) : max;
}

TimestampMs RangeEnd(TimestampMs t, model::DurationMs width) {
  TimestampMs end = 0;
  if (__builtin_add_overflow(t / width * width, width, &end)) return model::kMaxTime;
  return end;
}

TimestampMs ChunkStore::OpenMinTime(const MemSeries& series) const {
  if (series.histogram != 0) return histograms_.At(series.histogram).min_time;
  const bool xor2 = series.encoding == Encoding::kXor2;
  Decoder in(OpenBytes(series).subspan(xor2 ? kXor2HeaderBytes : kXorHeaderBytes));
  return in.Varint();
}

bool ChunkStore::MustCut(MemSeries& series, TimestampMs t) const {
  const XorState& state = series.xor_state;
  if (state.size > kMaxXorChunkBytes) return true;
  if (state.count == limits_.samples_per_chunk / 4) {
    series.next_at = EstimateChunkEnd(OpenMinTime(series), state.t, series.next_at, 4);
  }
  return t >= series.next_at || state.count >= limits_.samples_per_chunk * 2;
}

void ChunkStore::BeginChunk(MemSeries& series, TimestampMs t) {
  series.xor_state = XorState{};
  series.encoding = xor2() ? Encoding::kXor2 : Encoding::kXor;
  series.chunk_class = SlabArena::ClassOf(PrefixBytes(series.encoding) + kFirstChunkBytes);
  series.chunk = arena_.AllocateClass(series.chunk_class);
  series.next_at = RangeEnd(t, limits_.chunk_range_ms);
  if (series.encoding == Encoding::kXor) [[likely]]
    return;
  series.xor_state.size = kXor2HeaderBytes;
  const Xor2More more;
  std::memcpy(arena_.At(series.chunk), &more, sizeof more);
  std::memset(OpenData(series), 0, kXor2HeaderBytes);
}

void ChunkStore::Grow(MemSeries& series, std::size_t used, std::size_t wanted) {
  const std::uint8_t larger_class = SlabArena::ClassOf(wanted);
  const ArenaRef larger = arena_.AllocateClass(larger_class);
  std::memcpy(arena_.At(larger), arena_.At(series.chunk), used);
  arena_.FreeClass(series.chunk, series.chunk_class);
  series.chunk = larger;
  series.chunk_class = larger_class;
}

void ChunkStore::PutXor2(MemSeries& series, TimestampMs t, double v, TimestampMs start) {
  XorState& state = series.xor_state;
  const std::size_t tail = state.tail_offset();
  const std::size_t block_bytes = SlabArena::BytesOf(series.chunk_class) - sizeof(Xor2More);
  Xor2More more;
  std::memcpy(&more, arena_.At(series.chunk), sizeof more);
  std::uint8_t* data = OpenData(series);
  std::uint8_t scratch[kMaxXor2SampleBytes];
  scratch[0] = tail < block_bytes ? data[tail] : std::uint8_t{0};
  Xor2AppendTail(state, more, data, scratch, t, v, start);
  if (state.size > block_bytes) {
    Grow(series, sizeof more + tail, sizeof more + state.size);
    data = OpenData(series);
  }
  std::memcpy(data + tail, scratch, state.size - tail);
  std::memcpy(arena_.At(series.chunk), &more, sizeof more);
}

void ChunkStore::Put(MemSeries& series, TimestampMs t, double v) {
  XorState& state = series.xor_state;
  std::uint8_t* bytes = arena_.At(series.chunk);
  const std::size_t block_bytes = SlabArena::BytesOf(series.chunk_class);
  if (XorAppendWithin(state, bytes, block_bytes, t, v)) [[likely]]
    return;
  const std::size_t tail = state.tail_offset();
  std::uint8_t scratch[kMaxXorSampleBytes];
  // A chunk that fills its block to the last bit has no byte that goes on.
  scratch[0] = tail < block_bytes ? bytes[tail] : std::uint8_t{0};
  XorAppendTail(state, scratch, t, v);
  if (state.size > block_bytes) {
    Grow(series, tail, state.size);
    bytes = arena_.At(series.chunk);
  }
  std::memcpy(bytes + tail, scratch, state.size - tail);
  StoreBe16(bytes, state.count);
}

bool ChunkStore::AppendFloat(MemSeries& series, TimestampMs t, double v, TimestampMs start) {
  bool cut = false;
  if (series.histogram != 0 || (series.chunk != 0 && MustCut(series, t))) cut = CutOpen(series);
  if (series.chunk == 0) BeginChunk(series, t);
  if (series.encoding == Encoding::kXor) [[likely]] {
    Put(series, t, v);
  } else {
    PutXor2(series, t, v, start);
  }
  return cut;
}

bool ChunkStore::CutOpen(MemSeries& series) {
  if (!series.has_open_chunk()) return false;
  if (series.histogram != 0) {
    CutHistogram(series);
    return true;
  }
  const XorState& state = series.xor_state;
  ArenaRef block = series.chunk;
  // The class may be one that a growing chunk passed through; the size says what to free. And what
  // lies before a chunk that grows is of no use any more.
  if (series.chunk_class != SlabArena::ClassOf(state.size) || series.encoding != Encoding::kXor) {
    block = arena_.Allocate(state.size);
    std::memcpy(arena_.At(block), OpenData(series), state.size);
    arena_.FreeClass(series.chunk, series.chunk_class);
  }
  AddFull(series, FullChunk::InMemory(block, series.encoding, state.size, state.t));
  series.chunk = 0;
  return true;
}

void ChunkStore::DropOpen(MemSeries& series) {
  if (series.chunk != 0) arena_.FreeClass(series.chunk, series.chunk_class);
  if (series.histogram != 0) histograms_.Take(series.histogram);
  series.chunk = 0;
  series.histogram = 0;
}

std::span<FullChunk> ChunkStore::FullChunks(const MemSeries& series) const {
  if (series.full == 0) return {};
  std::uint8_t* const block = arena_.At(series.full);
  std::uint32_t count;
  std::memcpy(&count, block, sizeof count);
  return {reinterpret_cast<FullChunk*>(block + 4), count};
}

namespace {

// What the arena gives to who asks for so many bytes.
std::size_t RoomOf(std::size_t bytes) {
  const std::uint8_t size_class = SlabArena::ClassOf(bytes);
  if (size_class < SlabArena::kClassBytes.size()) return SlabArena::BytesOf(size_class);
  return (bytes + SlabArena::kSlabBytes - 1) / SlabArena::kSlabBytes * SlabArena::kSlabBytes;
}

}  // namespace

void ChunkStore::AddFull(MemSeries& series, FullChunk chunk) {
  const auto old = FullChunks(series);
  const auto count = static_cast<std::uint32_t>(old.size() + 1);
  const std::size_t bytes = ListBytes(count);
  if (old.empty() || RoomOf(ListBytes(old.size())) != RoomOf(bytes)) {
    const ArenaRef larger = arena_.Allocate(bytes);
    if (!old.empty()) {
      std::memcpy(arena_.At(larger) + 4, old.data(), old.size_bytes());
      arena_.Free(series.full, ListBytes(old.size()));
    }
    series.full = larger;
  }
  std::uint8_t* const block = arena_.At(series.full);
  std::memcpy(block, &count, sizeof count);
  std::memcpy(block + ListBytes(count - 1), &chunk, sizeof chunk);
}

void ChunkStore::DropFull(MemSeries& series, std::size_t n) {
  if (n == 0) return;
  const auto old = FullChunks(series);
  for (const auto& chunk : old.first(n)) {
    if (chunk.in_memory()) FreeMemory(chunk);
  }
  const auto kept = old.subspan(n);
  const ArenaRef old_block = series.full;
  series.full = 0;
  if (!kept.empty()) {
    const auto count = static_cast<std::uint32_t>(kept.size());
    series.full = arena_.Allocate(ListBytes(count));
    std::memcpy(arena_.At(series.full), &count, sizeof count);
    std::memcpy(arena_.At(series.full) + 4, kept.data(), kept.size_bytes());
  }
  arena_.Free(old_block, ListBytes(old.size()));
}

}  // namespace narthex::tsdb
