// SPDX-License-Identifier: Apache-2.0
//
// Blocks of memory addressed by 32-bit numbers, in size classes; what is freed can be used by every
// class again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "narthex/base/mutex.h"
#include "tsdb/head/address_range.h"
#include "tsdb/head/snapshot_file.h"

namespace narthex::tsdb {

/// A block's address in its arena, in units of 16 bytes. 0 = none.
using ArenaRef = std::uint32_t;

/// Thread safety: any thread; who frees a block sees to it that nobody reads it any more.
class SlabArena {
 public:
  static constexpr std::size_t kUnitBytes = 16;
  static constexpr std::size_t kSlabBytes = 64 * 1024;
  static constexpr std::array<std::uint16_t, 20> kClassBytes = {
      16,  32,  48,  64,  80,  96,  112,  128,  160,  192,
      224, 256, 320, 384, 512, 768, 1088, 2048, 4096, 8192};

  explicit SlabArena(std::size_t max_bytes = std::size_t{1} << 36);
  ~SlabArena();

  /// The smallest class that holds `bytes`; kClassBytes.size() when none does.
  static std::uint8_t ClassOf(std::size_t bytes);
  static std::size_t BytesOf(std::uint8_t size_class) { return kClassBytes[size_class]; }

  /// A block of a class; its content is undefined.
  ArenaRef AllocateClass(std::uint8_t size_class);
  void FreeClass(ArenaRef ref, std::uint8_t size_class);
  /// A block of any size; `bytes` must be given again to free it.
  ArenaRef Allocate(std::size_t bytes);
  void Free(ArenaRef ref, std::size_t bytes);

  std::uint8_t* At(ArenaRef ref) const {
    return reinterpret_cast<std::uint8_t*>(range_.base()) + std::size_t{ref} * kUnitBytes;
  }

  /// Bytes of memory held: slabs, as far as they were ever handed out.
  std::size_t held_bytes() const;

  /// For snapshots: all blocks at their addresses, and what is free. Load expects a new arena or
  /// one that was Reset; the memory is there when the reader has run. None beside other calls.
  void Save(SnapshotWriter& out, SnapshotSection state, SnapshotSection data) const;
  Status Load(SnapshotReader& in, SnapshotSection state, SnapshotSection data);
  /// Back to an arena without blocks.
  void Reset();

 private:
  static constexpr std::uint32_t kNoSlab = 0xffffffff;
  static constexpr std::uint16_t kNoBlock = 0xffff;

  struct Slab {
    std::uint32_t next = kNoSlab;  // In the list of its class with free blocks, or of free slabs.
    std::uint32_t previous = kNoSlab;
    std::uint16_t first_free = kNoBlock;  // Chained through the blocks' first bytes.
    std::uint16_t used = 0;
    std::uint16_t fresh = 0;  // Blocks from this one on were never handed out.
    bool listed = false;
  };
  struct SizeClass {
    mutable Mutex mutex;
    std::uint32_t partial NX_GUARDED_BY(mutex) = kNoSlab;
  };

  std::uint32_t TakeSlabs(std::uint32_t count);
  void GiveSlab(std::uint32_t slab);
  /// How many free slabs may keep their memory: few beside those in use.
  std::size_t MaxWarmSlabs() const NX_REQUIRES(pool_mutex_);
  void Enlist(SizeClass& size_class, std::uint32_t slab) NX_REQUIRES(size_class.mutex);
  void Delist(SizeClass& size_class, std::uint32_t slab) NX_REQUIRES(size_class.mutex);
  Slab& SlabAt(std::uint32_t slab) const;
  std::uint8_t* MemoryOf(std::uint32_t slab) const {
    return reinterpret_cast<std::uint8_t*>(range_.base()) + std::size_t{slab} * kSlabBytes;
  }
  void UnpoisonAll() const NX_REQUIRES(pool_mutex_);
  /// The stretches of memory that blocks were ever handed out from, rising.
  std::vector<std::span<std::uint8_t>> UsedMemory() const;
  static std::uint16_t BlocksPerSlab(std::uint8_t size_class) {
    return static_cast<std::uint16_t>(kSlabBytes / kClassBytes[size_class]);
  }

  AddressRange range_;
  AddressRange slabs_;  // Slab records: each guarded by the lock of its slab's class.
  std::array<SizeClass, kClassBytes.size()> classes_;

  mutable Mutex pool_mutex_;  // Taken after a class lock.
  std::uint32_t num_slabs_ NX_GUARDED_BY(pool_mutex_) = 0;
  std::vector<std::uint32_t> free_slabs_ NX_GUARDED_BY(pool_mutex_);
  // The last so many of them have kept their memory. Chunks that grow empty one slab and begin
  // another all the time, and the system takes long to take pages back and give zeroed ones.
  std::size_t warm_slabs_ NX_GUARDED_BY(pool_mutex_) = 0;
};

}  // namespace narthex::tsdb
