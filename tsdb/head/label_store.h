// SPDX-License-Identifier: Apache-2.0
//
// The label sets of the head's series. A set is a run of numbers: its shape (which names it has),
// then one symbol per value. Series of one exporter share few shapes.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/model/labels.h"
#include "tsdb/head/hash_index.h"
#include "tsdb/head/slab_arena.h"
#include "tsdb/head/symbol_table.h"

namespace narthex::tsdb {

/// Thread safety: as SymbolTable.
class LabelStore {
 public:
  /// Stores a set: acquires its symbols and shape.
  ArenaRef Add(const model::Labels& labels);
  /// What a set leaves behind: memory that readers may still look at.
  struct Remains {
    std::vector<ArenaRef> runs;
    std::vector<ArenaRef> shapes;
    std::vector<Symbol> symbols;
  };
  /// Takes a set out of the tables; its memory is added to `remains`, to be given to Free when no
  /// reader can hold the set any more.
  void Release(ArenaRef run, Remains& remains);
  void Free(const Remains& remains);

  bool Equal(ArenaRef run, const model::Labels& labels) const;
  model::Labels Get(ArenaRef run) const;
  /// Those of these names alone, which ascend.
  model::Labels Get(ArenaRef run, std::span<const std::string> names) const;
  /// The value's symbol; 0 when the set has no such name.
  Symbol ValueOf(ArenaRef run, Symbol name) const;
  /// The label at a place in the order of names; zeros past the last one.
  struct Pair {
    Symbol name = 0;
    Symbol value = 0;
  };
  Pair PairAt(ArenaRef run, std::size_t i) const {
    const auto names = Names(run);
    return i < names.size() ? Pair{names[i], Words(run)[1 + i]} : Pair{};
  }
  /// The names alone, ascending: one list in memory for all series that have just these.
  std::span<const Symbol> Names(ArenaRef run) const {
    const std::uint32_t* shape = Words(Words(run)[0]);
    return {shape + 2, shape[1]};
  }

  /// Prometheus's order of label sets. The labels before the from-th are known to be equal.
  std::strong_ordering Compare(ArenaRef a, ArenaRef b, std::size_t from = 0) const;
  std::strong_ordering Compare(const Pair& a, const Pair& b) const;

  /// Calls fn(name symbol, value symbol) for each label in order of names.
  template <typename Fn>
  void ForEach(ArenaRef run, Fn&& fn) const {
    const auto names = Names(run);
    const Symbol* values = Words(run) + 1;
    for (std::size_t i = 0; i < names.size(); ++i) fn(names[i], values[i]);
  }

  /// For snapshots; see SlabArena.
  void Save(SnapshotWriter& out) const;
  Status Load(SnapshotReader& in);
  void Reset();

  const SymbolTable& symbols() const { return symbols_; }
  std::string_view Text(Symbol symbol) const { return symbols_.Text(symbol); }

  std::size_t runs_held_bytes() const { return runs_.held_bytes() + shapes_.held_bytes(); }

 private:
  // A shape's words: reference count, number of names, then the names' symbols.
  std::uint32_t* Words(ArenaRef run) const {
    return reinterpret_cast<std::uint32_t*>(runs_.At(run));
  }
  static std::size_t RunBytes(std::size_t num_labels) { return 4 * (1 + num_labels); }
  static std::size_t ShapeBytes(std::size_t num_labels) { return 4 * (2 + num_labels); }
  bool HasNames(ArenaRef shape, std::span<const model::LabelView> labels) const;
  ArenaRef AcquireShape(std::span<const model::LabelView> labels);

  void ForgetLast();

  SlabArena runs_;
  HashIndex shapes_;
  SymbolTable symbols_;
  // Of the set that was added last: series come in rows that differ in few labels.
  ArenaRef last_shape_ = 0;
  std::vector<Symbol> last_values_;
  std::vector<model::LabelView> views_;  // Scratch.
};

}  // namespace narthex::tsdb
