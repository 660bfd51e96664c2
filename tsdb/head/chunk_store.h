// SPDX-License-Identifier: Apache-2.0
//
// The chunks of the head's series: the open one, which grows through size classes, and the list of
// full ones, which wait in memory for the next write to chunks_head and are then places in a file.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "narthex/base/check.h"
#include "narthex/model/timestamp.h"
#include "tsdb/chunkenc/histogram_limits.h"
#include "tsdb/chunkenc/xor2.h"
#include "tsdb/head/histogram_pool.h"
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

/// A full chunk: 12 bytes. In a file: number and offset of its record. In memory: an arena block.
struct FullChunk {
  std::uint32_t file = 0;         // Or kInMemory with encoding (7 bits) and size (24 bits).
  std::uint32_t offset = 0;       // In the file, or the arena block.
  std::uint32_t max_seconds = 0;  // CoarseSeconds of its last sample.

  static constexpr std::uint32_t kInMemory = 0x80000000;

  static constexpr unsigned kSizeBits = 24;
  static constexpr std::size_t kMaxBytes = (std::size_t{1} << kSizeBits) - 1;
  static_assert(kMaxHistogramChunkBytes <= kMaxBytes);

  static FullChunk InMemory(ArenaRef block, Encoding encoding, std::size_t size,
                            model::TimestampMs maxt) {
    NX_CHECK(size <= kMaxBytes, "a chunk is larger than its place can tell");
    return {kInMemory | static_cast<std::uint32_t>(encoding) << kSizeBits |
                static_cast<std::uint32_t>(size),
            block, CoarseSeconds(maxt)};
  }
  bool in_memory() const { return (file & kInMemory) != 0; }
  std::size_t size() const { return file & kMaxBytes; }
  Encoding encoding() const { return static_cast<Encoding>((file & ~kInMemory) >> kSizeBits); }
  bool operator==(const FullChunk&) const = default;
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
  /// @param xor2  see SetXor2
  /// @param started_histograms  chunks of histograms have room for start times
  explicit ChunkStore(ChunkLimits limits, bool xor2 = false, bool started_histograms = false)
      : limits_(limits), started_histograms_(started_histograms), xor2_(xor2) {}

  /// Whether float chunks that are begun from now on are XOR2, which have room for start times.
  /// Needs no lock.
  void SetXor2(bool xor2) { xor2_.store(xor2, std::memory_order_relaxed); }
  bool xor2() const { return xor2_.load(std::memory_order_relaxed); }
  bool started_histograms() const { return started_histograms_; }

  /// Adds a sample that is newer than the last one, in a new chunk where Prometheus would cut.
  /// @param start  its start time; 0 = none. Chunks without room for it drop it.
  /// @return whether a chunk became full, and so waits to be written
  bool AppendFloat(MemSeries& series, model::TimestampMs t, double v, model::TimestampMs start = 0);
  /// Adds a histogram that is valid and newer than the last sample. H is model::Histogram or
  /// model::FloatHistogram. @return as AppendFloat
  template <typename H>
  bool AppendHistogram(MemSeries& series, model::TimestampMs t, const H& h,
                       model::TimestampMs start = 0);
  /// Whether the last sample is this histogram. False when it was in a chunk that is full now.
  template <typename H>
  bool EqualsLast(const MemSeries& series, const H& h) const;

  struct HistogramFacts {
    bool stale = false;
    std::size_t num_buckets = 0;
  };
  /// About the last sample of a series of histograms; nothing when its chunk is full.
  HistogramFacts LastHistogram(const MemSeries& series) const;

  /// Ends the open chunk. @return whether there was one
  bool CutOpen(MemSeries& series);

  /// Brings the place of the next sample near. The one call that needs no lock: when another thread
  /// changes the chunk meanwhile, the wrong place is brought.
  void Prefetch(const MemSeries& series) const {
    const std::uint8_t* const bytes = arena_.At(series.chunk);
    __builtin_prefetch(bytes + series.xor_state.size, 1);
    __builtin_prefetch(bytes, 1);  // The sample count.
  }

  /// The open chunk; there must be one.
  ByteSpan OpenBytes(const MemSeries& series) const {
    if (series.histogram != 0) return AsBytes(histograms_.At(series.histogram).bytes());
    return {OpenData(series), series.xor_state.size};
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
  void FreeMemory(const FullChunk& chunk) { arena_.Free(chunk.offset, chunk.size()); }

  /// For snapshots; see SlabArena.
  void Save(SnapshotWriter& out) const;
  Status Load(SnapshotReader& in);
  void Reset();

  const ChunkLimits& limits() const { return limits_; }
  std::size_t held_bytes() const { return arena_.held_bytes() + histograms_.held_bytes(); }

 private:
  bool MustCut(MemSeries& series, model::TimestampMs t) const;
  bool MustCutHistogram(MemSeries& series, OpenHistogram& open, int count,
                        model::TimestampMs t) const;
  void CutHistogram(MemSeries& series);
  template <typename H>
  void BeginHistogram(MemSeries& series, HistogramChunk<H> chunk, model::TimestampMs t,
                      bool end_estimated);
  void BeginChunk(MemSeries& series, model::TimestampMs t);
  void Put(MemSeries& series, model::TimestampMs t, double v);
  void PutXor2(MemSeries& series, model::TimestampMs t, double v, model::TimestampMs start);
  // An open XOR2 chunk lies in its block behind what appending to it needs to know.
  static std::size_t PrefixBytes(Encoding encoding) {
    return encoding == Encoding::kXor2 ? sizeof(Xor2More) : 0;
  }
  std::uint8_t* OpenData(const MemSeries& series) const {
    return arena_.At(series.chunk) + PrefixBytes(series.encoding);
  }
  // Moves the first `used` bytes of the open chunk's block to a larger one for `wanted` bytes.
  void Grow(MemSeries& series, std::size_t used, std::size_t wanted);
  static std::size_t ListBytes(std::size_t n) { return 4 + n * sizeof(FullChunk); }

  const ChunkLimits limits_;
  const bool started_histograms_;
  std::atomic<bool> xor2_;
  SlabArena arena_;
  HistogramPool histograms_;
};

/// When a part of the wanted samples span start … current (the `ratio`-th part), where should the
/// chunk end so that the chunks up to `max` are equally long?
model::TimestampMs EstimateChunkEnd(model::TimestampMs start, model::TimestampMs current,
                                    model::TimestampMs max, double ratio);

/// End of the aligned range of `width` that t is in. As Go: divisions go towards zero.
model::TimestampMs RangeEnd(model::TimestampMs t, model::DurationMs width);

}  // namespace narthex::tsdb
