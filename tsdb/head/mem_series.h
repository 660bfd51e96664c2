// SPDX-License-Identifier: Apache-2.0
//
// The state of one series in the head: one and a half cache lines, no pointers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "narthex/model/timestamp.h"
#include "tsdb/chunkenc/chunk.h"
#include "tsdb/chunkenc/xor.h"
#include "tsdb/head/address_range.h"
#include "tsdb/head/slab_arena.h"
#include "tsdb/relaxed.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb {

/// All fields but the lock and those marked "constant" are guarded by the lock; prefetching looks
/// at the place of the open chunk without it.
struct MemSeries {
  XorState xor_state;       // Of the open chunk; t is that of the last sample even without one.
  wal::WalRef wal_ref = 0;  // Constant while the series lives, but for replay.
  model::TimestampMs next_at = 0;   // The sample from here on begins a new chunk.
  model::TimestampMs commit_t = 0;  // First sample of the last commit …
  std::uint64_t commit = 0;         // … and its number; see isolation.h.
  ArenaRef labels = 0;              // Run in the label store; constant while the series lives.
  Relaxed<ArenaRef> chunk = 0;      // Open chunk; 0 = none.
  ArenaRef full = 0;                // Array of full chunks; see FullChunks. 0 = none.
  std::uint32_t generation = 0;     // Counts the series that lived in this slot.
  std::uint32_t pending = 0;        // Samples in open appenders; keeps the series alive.
  std::uint32_t histogram = 0;      // State of an open histogram chunk; 0 = none.
  std::uint32_t hash = 0;           // Of the labels, lower half; constant while the series lives.
  std::atomic<bool> locked{false};
  std::uint8_t chunk_class = 0;         // Size class of the open chunk.
  Encoding encoding = Encoding::kNone;  // Of the open chunk.
  bool in_wal : 1 = false;              // Its series record has been written.
  bool has_tombstones : 1 = false;      // Something of it is deleted; see HeadTombstones.
  bool out_of_order : 1 = false;        // It has late samples; see OooStore.

  bool has_open_chunk() const { return chunk != 0 || histogram != 0; }
  bool has_samples() const { return has_open_chunk() || full != 0; }
};
static_assert(sizeof(MemSeries) == 96);

/// Spins: held for the time of one append or one copy of a chunk. Leaf lock, but for the arena's.
class SeriesLock {
 public:
  explicit SeriesLock(MemSeries& series) : SeriesLock(series.locked) {}
  explicit SeriesLock(std::atomic<bool>& locked) : locked_(locked) {
    while (locked_.exchange(true, std::memory_order_acquire)) {
      while (locked_.load(std::memory_order_relaxed)) Pause();
    }
  }
  ~SeriesLock() { locked_.store(false, std::memory_order_release); }
  SeriesLock(const SeriesLock&) = delete;
  SeriesLock& operator=(const SeriesLock&) = delete;

 private:
  static void Pause();
  std::atomic<bool>& locked_;
};

/// Number of a series in the head. Slot 0 is not used.
using SeriesSlot = std::uint32_t;

/// The slots. They never move, and memory of a dead series' slot stays readable.
/// Thread safety: At and AddressOf any thread; the rest under the head's index lock.
class SeriesTable {
 public:
  SeriesTable() : range_(std::size_t{1} << 34) {}

  MemSeries& At(SeriesSlot slot) const { return reinterpret_cast<MemSeries*>(range_.base())[slot]; }
  /// A zeroed slot (but for its generation, which begins at 1).
  SeriesSlot Allocate();
  /// The slot may be given out again.
  void Free(SeriesSlot slot) { free_.push_back(slot); }

  /// One past the highest slot ever given out.
  SeriesSlot end() const { return end_.load(std::memory_order_acquire); }
  std::size_t held_bytes() const {
    return end() * sizeof(MemSeries) + free_.capacity() * sizeof(SeriesSlot);
  }

  /// For snapshots; see SlabArena.
  void Save(SnapshotWriter& out) const;
  Status Load(SnapshotReader& in);
  void Reset();

 private:
  AddressRange range_;
  std::atomic<SeriesSlot> end_{1};
  std::vector<SeriesSlot> free_;
};

}  // namespace narthex::tsdb
