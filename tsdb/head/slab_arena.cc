// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/slab_arena.h"

#include <algorithm>
#include <cstring>

#include "tsdb/head/poison.h"

namespace narthex::tsdb {
namespace {

constexpr std::size_t kUnitsPerSlab = SlabArena::kSlabBytes / SlabArena::kUnitBytes;

// Class by size in units, for sizes up to the largest class.
constexpr auto kClassByUnits = [] {
  constexpr std::size_t kUnits = SlabArena::kClassBytes.back() / SlabArena::kUnitBytes;
  std::array<std::uint8_t, kUnits + 1> classes{};
  std::uint8_t c = 0;
  for (std::size_t units = 0; units <= kUnits; ++units) {
    while (SlabArena::kClassBytes[c] < units * SlabArena::kUnitBytes) ++c;
    classes[units] = c;
  }
  return classes;
}();

// The end of the page that the last of `bytes` bytes is in.
std::size_t PageEnd(std::size_t bytes) {
  constexpr std::size_t kPageBytes = 4096;
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

}  // namespace

SlabArena::SlabArena(std::size_t max_bytes)
    : range_(max_bytes), slabs_(max_bytes / kSlabBytes * sizeof(Slab)) {
  // The first slab is never used, so that no block has address 0; untouched, it costs no memory.
  MutexLock lock(pool_mutex_);
  num_slabs_ = 1;
  range_.EnsureCommitted(kSlabBytes);
  slabs_.EnsureCommitted(sizeof(Slab));
}

SlabArena::~SlabArena() {
  MutexLock lock(pool_mutex_);
  UnpoisonAll();
}

void SlabArena::UnpoisonAll() const {
  Unpoison(range_.base(), std::size_t{num_slabs_} * kSlabBytes);
}

std::uint8_t SlabArena::ClassOf(std::size_t bytes) {
  if (bytes > kClassBytes.back()) return static_cast<std::uint8_t>(kClassBytes.size());
  return kClassByUnits[(bytes + kUnitBytes - 1) / kUnitBytes];
}

SlabArena::Slab& SlabArena::SlabAt(std::uint32_t slab) const {
  return reinterpret_cast<Slab*>(slabs_.base())[slab];
}

std::uint32_t SlabArena::TakeSlabs(std::uint32_t count) {
  MutexLock lock(pool_mutex_);
  if (count == 1 && !free_slabs_.empty()) {
    const std::uint32_t slab = free_slabs_.back();
    free_slabs_.pop_back();
    if (warm_slabs_ > 0) --warm_slabs_;
    Unpoison(MemoryOf(slab), kSlabBytes);
    return slab;
  }
  const std::uint32_t slab = num_slabs_;
  num_slabs_ += count;
  range_.EnsureCommitted(std::size_t{num_slabs_} * kSlabBytes);
  slabs_.EnsureCommitted(std::size_t{num_slabs_} * sizeof(Slab));
  return slab;
}

std::size_t SlabArena::MaxWarmSlabs() const {
  const std::size_t used = num_slabs_ - free_slabs_.size();
  return std::clamp<std::size_t>(used / 64, 4, 64);
}

void SlabArena::GiveSlab(std::uint32_t slab) {
  MutexLock lock(pool_mutex_);
  Poison(MemoryOf(slab), kSlabBytes);
  free_slabs_.push_back(slab);
  ++warm_slabs_;
  for (const std::size_t max = MaxWarmSlabs(); warm_slabs_ > max; --warm_slabs_) {
    const std::uint32_t coldest = free_slabs_[free_slabs_.size() - warm_slabs_];
    range_.Release(std::size_t{coldest} * kSlabBytes, kSlabBytes);
  }
}

void SlabArena::Enlist(SizeClass& size_class, std::uint32_t slab) {
  Slab& s = SlabAt(slab);
  s.listed = true;
  s.previous = kNoSlab;
  s.next = size_class.partial;
  if (s.next != kNoSlab) SlabAt(s.next).previous = slab;
  size_class.partial = slab;
}

void SlabArena::Delist(SizeClass& size_class, std::uint32_t slab) {
  Slab& s = SlabAt(slab);
  s.listed = false;
  if (s.next != kNoSlab) SlabAt(s.next).previous = s.previous;
  (s.previous != kNoSlab ? SlabAt(s.previous).next : size_class.partial) = s.next;
}

ArenaRef SlabArena::AllocateClass(std::uint8_t size_class) {
  SizeClass& c = classes_[size_class];
  MutexLock lock(c.mutex);
  if (c.partial == kNoSlab) {
    const std::uint32_t fresh = TakeSlabs(1);
    SlabAt(fresh) = Slab{};
    Poison(MemoryOf(fresh), kSlabBytes);
    Enlist(c, fresh);
  }
  const std::uint32_t slab = c.partial;
  Slab& s = SlabAt(slab);
  const std::size_t units = kClassBytes[size_class] / kUnitBytes;
  const auto ref_of = [&](std::uint16_t block) {
    return static_cast<ArenaRef>(slab * kUnitsPerSlab + block * units);
  };
  std::uint16_t block;
  if (s.first_free != kNoBlock) {
    block = s.first_free;
    Unpoison(At(ref_of(block)), kClassBytes[size_class]);
    std::memcpy(&s.first_free, At(ref_of(block)), sizeof s.first_free);
  } else {
    block = s.fresh++;
    Unpoison(At(ref_of(block)), kClassBytes[size_class]);
  }
  ++s.used;
  if (s.used == BlocksPerSlab(size_class)) Delist(c, slab);
  return ref_of(block);
}

void SlabArena::FreeClass(ArenaRef ref, std::uint8_t size_class) {
  const auto slab = static_cast<std::uint32_t>(ref / kUnitsPerSlab);
  const std::size_t units = kClassBytes[size_class] / kUnitBytes;
  const auto block = static_cast<std::uint16_t>(ref % kUnitsPerSlab / units);
  SizeClass& c = classes_[size_class];
  MutexLock lock(c.mutex);
  Slab& s = SlabAt(slab);
  std::memcpy(At(ref), &s.first_free, sizeof s.first_free);
  Poison(At(ref), kClassBytes[size_class]);
  s.first_free = block;
  --s.used;
  if (!s.listed) Enlist(c, slab);
  // One empty slab stays with its class, so that a block going to and fro moves no slab.
  const bool only_one = s.next == kNoSlab && s.previous == kNoSlab;
  if (s.used == 0 && !only_one) {
    Delist(c, slab);
    GiveSlab(slab);
  }
}

ArenaRef SlabArena::Allocate(std::size_t bytes) {
  const std::uint8_t size_class = ClassOf(bytes);
  if (size_class < kClassBytes.size()) return AllocateClass(size_class);
  const auto count = static_cast<std::uint32_t>((bytes + kSlabBytes - 1) / kSlabBytes);
  return static_cast<ArenaRef>(TakeSlabs(count) * kUnitsPerSlab);
}

void SlabArena::Free(ArenaRef ref, std::size_t bytes) {
  const std::uint8_t size_class = ClassOf(bytes);
  if (size_class < kClassBytes.size()) {
    FreeClass(ref, size_class);
    return;
  }
  const auto first = static_cast<std::uint32_t>(ref / kUnitsPerSlab);
  const std::size_t count = (bytes + kSlabBytes - 1) / kSlabBytes;
  for (std::uint32_t i = 0; i < count; ++i) GiveSlab(first + i);
}

std::size_t SlabArena::held_bytes() const {
  std::size_t untouched = 0;
  for (std::size_t c = 0; c < kClassBytes.size(); ++c) {
    MutexLock lock(classes_[c].mutex);
    // A class takes a new slab only when all others are full: at most the newest is untouched.
    for (std::uint32_t slab = classes_[c].partial; slab != kNoSlab; slab = SlabAt(slab).next) {
      untouched += kSlabBytes - PageEnd(SlabAt(slab).fresh * std::size_t{kClassBytes[c]});
    }
  }
  MutexLock lock(pool_mutex_);
  return (num_slabs_ - 1 - free_slabs_.size() + warm_slabs_) * kSlabBytes - untouched +
         free_slabs_.capacity() * sizeof(std::uint32_t) + std::size_t{num_slabs_} * sizeof(Slab);
}

}  // namespace narthex::tsdb
