// SPDX-License-Identifier: Apache-2.0
//
// A flat hash table of 32-bit numbers whose keys live elsewhere.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace narthex::tsdb {

/// Linear probing; grows by half again as much when 7/8 full, and keeps 32 bits of each hash, so
/// that growing and most misses touch no key. Thread safety: as a container.
class HashIndex {
 public:
  /// The number with this hash for which equal(number) holds; 0 when there is none.
  template <typename Equal>
  std::uint32_t Find(std::uint32_t hash, Equal&& equal) const {
    if (slots_.empty()) return 0;
    for (std::size_t i = Home(hash);; i = After(i)) {
      const Slot& slot = slots_[i];
      if (slot.number == 0) return 0;
      if (slot.hash == hash && equal(slot.number)) return slot.number;
    }
  }

  /// Brings the place of a hash near.
  void Prefetch(std::uint32_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[Home(hash)]);
  }

  /// Adds a number (not 0) that is not in the table.
  void Insert(std::uint32_t hash, std::uint32_t number) {
    if ((size_ + 1) * 8 > slots_.size() * 7) Grow();
    Place(hash, number);
    ++size_;
  }

  /// Takes a number out; nothing happens when it is not there.
  void Erase(std::uint32_t hash, std::uint32_t number) {
    if (slots_.empty()) return;
    std::size_t i = Home(hash);
    for (; slots_[i].number != number; i = After(i)) {
      if (slots_[i].number == 0) return;
    }
    --size_;
    // Close the gap: move back whoever would no longer be found past it.
    for (std::size_t j = After(i); slots_[j].number != 0; j = After(j)) {
      if (Distance(Home(slots_[j].hash), j) >= Distance(i, j)) {
        slots_[i] = slots_[j];
        i = j;
      }
    }
    slots_[i] = Slot{};
  }

  /// For snapshots: the table as two runs of bytes, the second of which has num_slots × kSlotBytes.
  std::array<std::span<std::uint8_t>, 2> Memory() {
    return {std::span(reinterpret_cast<std::uint8_t*>(&size_), sizeof(size_)),
            std::span(reinterpret_cast<std::uint8_t*>(slots_.data()), num_slots() * kSlotBytes)};
  }
  std::array<std::span<const std::uint8_t>, 2> Memory() const {
    return {
        std::span(reinterpret_cast<const std::uint8_t*>(&size_), sizeof(size_)),
        std::span(reinterpret_cast<const std::uint8_t*>(slots_.data()), num_slots() * kSlotBytes)};
  }
  std::size_t num_slots() const { return slots_.size(); }
  /// Makes room for a table of that many slots, whose Memory the caller then fills.
  void Restore(std::size_t num_slots) { slots_.assign(num_slots, Slot{}); }

  std::size_t size() const { return size_; }
  std::size_t held_bytes() const { return slots_.capacity() * sizeof(Slot); }

  static constexpr std::size_t kSlotBytes = 8;

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t number = 0;
  };
  static_assert(sizeof(Slot) == kSlotBytes);

  std::size_t Home(std::uint32_t hash) const {
    return static_cast<std::size_t>((std::uint64_t{hash} * slots_.size()) >> 32);
  }
  std::size_t After(std::size_t i) const { return i + 1 == slots_.size() ? 0 : i + 1; }
  std::size_t Distance(std::size_t from, std::size_t to) const {
    return to >= from ? to - from : to + slots_.size() - from;
  }
  void Place(std::uint32_t hash, std::uint32_t number) {
    std::size_t i = Home(hash);
    while (slots_[i].number != 0) i = After(i);
    slots_[i] = {hash, number};
  }
  void Grow() {
    std::vector<Slot> old = std::exchange(slots_, {});
    slots_.resize(old.empty() ? 8 : old.size() + old.size() / 2);
    for (const Slot& slot : old) {
      if (slot.number != 0) Place(slot.hash, slot.number);
    }
  }

  std::vector<Slot> slots_;
  std::uint64_t size_ = 0;
};

}  // namespace narthex::tsdb
