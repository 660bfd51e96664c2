// SPDX-License-Identifier: Apache-2.0
//
// Label names and values of the head, each stored once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tsdb/head/hash_index.h"
#include "tsdb/head/slab_arena.h"

namespace narthex::tsdb {

/// Stands for a string in the head. 0 = none.
using Symbol = std::uint32_t;

/// Thread safety: Text() from any thread that keeps the symbol alive (see head/head.h, "Reclaiming
/// memory"); the rest under the head's index lock (Find: shared).
class SymbolTable {
 public:
  /// The symbol of a string, made when new, with one more reference.
  Symbol Acquire(std::string_view text);
  /// One more reference to a symbol that somebody holds.
  void AcquireAgain(Symbol symbol) { ++HeaderOf(symbol)->references; }
  /// 0 when there is none.
  Symbol Find(std::string_view text) const;
  /// Takes a reference away. @return whether it was the last one: the symbol can't be found any
  /// more, and the caller must call Free when no reader can hold it
  bool Release(Symbol symbol);
  void Free(Symbol symbol);

  std::string_view Text(Symbol symbol) const {
    const Header* header = HeaderOf(symbol);
    return {reinterpret_cast<const char*>(header + 1), header->size};
  }

  /// For snapshots; see SlabArena.
  void Save(SnapshotWriter& out) const;
  Status Load(SnapshotReader& in);
  void Reset();

  std::size_t size() const { return index_.size(); }
  std::size_t held_bytes() const { return arena_.held_bytes() + index_.held_bytes(); }

 private:
  struct Header {
    std::uint32_t references;
    std::uint32_t size;
  };
  Header* HeaderOf(Symbol symbol) const { return reinterpret_cast<Header*>(arena_.At(symbol)); }

  SlabArena arena_;
  HashIndex index_;
};

}  // namespace narthex::tsdb
