// SPDX-License-Identifier: Apache-2.0
//
// The chunks of the head's series: the open one, which grows through size classes, and the list of
// full ones, which wait in memory for the next write to chunks_head and are then places in a file.
#pragma once

#include <cstdint>
#include <span>

#include "narthex/model/timestamp.h"
#include "tsdb/head/mem_series.h"
#include "tsdb/head/slab_arena.h"

namespace narthex::tsdb {

/// Whole seconds since 1970, rounded down and held within 32 bits: orders times well enough to skip
/// chunks; never says that a chunk ends earlier than it does.
inline std::uint32_t CoarseSeconds(model::TimestampMs t) {
  if (t <= 0) return 0;
  const std::int64_t seconds = t / 1000;
  return seconds >= 0xffffffff ? 0xffffffffU : static_cast<std::uint32_t>(seconds);
}

/// A full chunk: 12 bytes. In a file: number and offset of its record. In memory: a block.
struct FullChunk {
  std::uint32_t file = 0;         // Or kInMemory with encoding, size class and size.
  std::uint32_t offset = 0;       // In the file, or the arena block.
  std::uint32_t max_seconds = 0;  // CoarseSeconds of its last sample.

  static constexpr std::uint32_t kInMemory = 0x80000000;

  static FullChunk InMemory(ArenaRef block, std::uint8_t size_class, Encoding encoding,
                            std::uint16_t size, model::TimestampMs maxt) {
    return {kInMemory | static_cast<std::uint32_t>(encoding) << 24 |
                static_cast<std::uint32_t>(size_class) << 16 | size,
            block, CoarseSeconds(maxt)};
  }
  bool in_memory() const { return (file & kInMemory) != 0; }
  std::uint16_t size() const { return static_cast<std::uint16_t>(file); }
  std::uint8_t size_class() const { return static_cast<std::uint8_t>(file >> 16); }
  Encoding encoding() const { return static_cast<Encoding>((file >> 24) & 0x7f); }
};
static_assert(sizeof(FullChunk) == 12);

/// When chunks are cut.
struct ChunkLimits {
  model::DurationMs chunk_range_ms = 2 * 3600 * 1000;
  int samples_per_chunk = 120;
};

/// Thread safety: each call under the lock of its series.
class ChunkStore {
 public:
  explicit ChunkStore(ChunkLimits limits) : limits_(limits) {}

  /// Adds a sample that is newer than the last one, in a new chunk where Prometheus would cut.
  /// @return whether a chunk became full, and so waits to be written
  bool AppendFloat(MemSeries& series, model::TimestampMs t, double v);
  /// Ends the open chunk. @return whether there was one
  bool CutOpen(MemSeries& series);

  /// Brings the place of the next sample near.
  void Prefetch(const MemSeries& series) const {
    __builtin_prefetch(arena_.At(series.chunk) + series.xor_state.size, 1);
    __builtin_prefetch(arena_.At(series.chunk), 1);  // The sample count.
  }

  ByteSpan OpenBytes(const MemSeries& series) const {
    return {arena_.At(series.chunk), series.xor_state.size};
  }
  /// Time of the first sample of the open chunk.
  model::TimestampMs OpenMinTime(const MemSeries& series) const;

  std::span<FullChunk> FullChunks(const MemSeries& series) const;
  void AddFull(MemSeries& series, FullChunk chunk);
  /// Drops the first `n` full chunks; those in memory are freed.
  void DropFull(MemSeries& series, std::size_t n);
  void DropOpen(MemSeries& series);
  ByteSpan MemoryBytes(const FullChunk& chunk) const {
    return {arena_.At(chunk.offset), chunk.size()};
  }
  void FreeMemory(const FullChunk& chunk) { arena_.FreeClass(chunk.offset, chunk.size_class()); }

  const ChunkLimits& limits() const { return limits_; }
  std::size_t held_bytes() const { return arena_.held_bytes(); }

 private:
  bool MustCut(MemSeries& series, model::TimestampMs t) const;
  void BeginChunk(MemSeries& series, model::TimestampMs t);
  void Put(MemSeries& series, model::TimestampMs t, double v);
  static std::size_t ListBytes(std::size_t n) { return 4 + n * sizeof(FullChunk); }

  const ChunkLimits limits_;
  SlabArena arena_;
};

/// End of the aligned range of `width` that t is in. As Go: divisions go towards zero.
model::TimestampMs RangeEnd(model::TimestampMs t, model::DurationMs width);

}  // namespace narthex::tsdb
