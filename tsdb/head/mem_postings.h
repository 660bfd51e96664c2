// SPDX-License-Identifier: Apache-2.0
//
// Which series of the head have which label: a list per name and value, packed while it is short,
// a compressed bitmap (https://roaringbitmap.org) when it is long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "tsdb/head/label_store.h"
#include "tsdb/head/slab_arena.h"
#include "tsdb/postings.h"

struct roaring_bitmap_s;

namespace narthex::tsdb {

/// Thread safety: under the head's index lock; shared for const methods.
class MemPostings {
 public:
  MemPostings();
  ~MemPostings();
  MemPostings(const MemPostings&) = delete;
  MemPostings& operator=(const MemPostings&) = delete;

  void Add(SeriesId id, ArenaRef run, const LabelStore& labels);
  /// Adds the series first, first + 1, …, each with its run; faster than one by one. None of them,
  /// and none that comes after them, is in a list yet.
  void AddRange(SeriesId first, std::span<const ArenaRef> runs, const LabelStore& labels);
  /// Takes the series out of its lists; lists that become empty go, with their label value.
  void Remove(SeriesId id, ArenaRef run, const LabelStore& labels);

  /// Every series, ascending, replacing `out`.
  void All(PostingList& out) const;
  /// Appends the series with this label, ascending.
  void OfPair(Symbol name, Symbol value, PostingList& out) const;
  /// The series that have all of these labels, ascending, replacing `out`.
  /// @param pairs  at least one name and value; a symbol may be 0 = nobody has it
  void OfPairs(std::span<const LabelStore::Pair> pairs, PostingList& out) const;
  std::size_t CountOf(Symbol name, Symbol value) const;

  /// Calls fn(name, its values in no order, each once) for each label name, in no order.
  void ForEachName(
      const std::function<void(Symbol name, const std::vector<Symbol>& values)>& fn) const;
  /// The values of a name, in no order; null when no series has it.
  const std::vector<Symbol>* ValuesOf(Symbol name) const;

  /// For snapshots; see SlabArena.
  void Save(SnapshotWriter& out) const;
  Status Load(SnapshotReader& in);
  void Reset();

  std::size_t num_pairs() const { return lists_.size(); }
  std::size_t held_bytes() const;

 private:
  // One series: in `data`. Up to kMostPacked: `data` is an array in arena_. More: a bitmap.
  enum class Kind : std::uint8_t { kOne, kPacked, kBitmap };
  struct List {
    std::uint32_t data = 0;      // Series, arena block or index in bitmaps_.
    std::uint32_t position = 0;  // Of the value among the values of its name.
    std::uint32_t count = 0;
    Kind kind = Kind::kOne;
  };
  static constexpr std::size_t kMostPacked = 64;

  static std::uint64_t Key(Symbol name, Symbol value) {
    return static_cast<std::uint64_t>(name) << 32 | value;
  }
  SeriesId* Packed(const List& list) const {
    return reinterpret_cast<SeriesId*>(arena_.At(list.data));
  }
  static std::size_t PackedBytes(std::size_t count) { return count * sizeof(SeriesId); }
  void Append(const List& list, PostingList& out) const;
  // Keeps the ids that are in the list.
  void Keep(const List& list, PostingList& ids) const;
  // What several bitmaps have in common, without taking them apart.
  void AndBitmaps(std::span<const List* const> lists, PostingList& out) const;
  void AddTo(List& list, SeriesId id);
  void AddPacked(List& list, SeriesId id);
  void MakeBitmap(List& list, SeriesId id);
  void AddMany(List& list, std::span<const SeriesId> ids, std::vector<SeriesId>& scratch);
  List& ListOf(Symbol name, Symbol value);
  std::uint32_t NewBitmapPlace();
  void RemoveFrom(List& list, SeriesId id);
  void DropPair(Symbol name, Symbol value, const List& list);
  Status LoadLists(const SnapshotReader& in);
  Status LoadBitmaps(const SnapshotReader& in);

  SlabArena arena_;
  absl::flat_hash_map<std::uint64_t, List> lists_;  // By name << 32 | value.
  absl::flat_hash_map<Symbol, std::vector<Symbol>> values_;
  std::vector<roaring_bitmap_s*> bitmaps_;
  std::vector<std::uint32_t> free_bitmaps_;
  roaring_bitmap_s* all_;
};

}  // namespace narthex::tsdb
