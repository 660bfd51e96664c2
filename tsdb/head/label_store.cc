// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/label_store.h"

#include "narthex/base/hash.h"

namespace narthex::tsdb {
namespace {

std::uint32_t HashNames(const SymbolTable& symbols, std::span<const Symbol> names) {
  std::uint64_t hash = names.size();
  for (const Symbol name : names) hash = (hash ^ Hash64(symbols.Text(name))) * 0x9e3779b97f4a7c15;
  return static_cast<std::uint32_t>(hash >> 32);
}

std::uint32_t HashNames(std::span<const model::LabelView> labels) {
  std::uint64_t hash = labels.size();
  for (const auto& label : labels) hash = (hash ^ Hash64(label.name)) * 0x9e3779b97f4a7c15;
  return static_cast<std::uint32_t>(hash >> 32);
}

}  // namespace

bool LabelStore::HasNames(ArenaRef shape, std::span<const model::LabelView> labels) const {
  const std::uint32_t* words = Words(shape);
  if (words[1] != labels.size()) return false;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (symbols_.Text(words[2 + i]) != labels[i].name) return false;
  }
  return true;
}

ArenaRef LabelStore::AcquireShape(std::span<const model::LabelView> labels) {
  if (last_shape_ != 0 && HasNames(last_shape_, labels)) {
    ++Words(last_shape_)[0];
    return last_shape_;
  }
  const std::uint32_t hash = HashNames(labels);
  const ArenaRef found =
      shapes_.Find(hash, [&](ArenaRef shape) { return HasNames(shape, labels); });
  if (found != 0) {
    ++Words(found)[0];
    return found;
  }
  const ArenaRef shape = runs_.Allocate(ShapeBytes(labels.size()));
  std::uint32_t* words = Words(shape);
  words[0] = 1;
  words[1] = static_cast<std::uint32_t>(labels.size());
  std::size_t i = 2;
  for (const auto& label : labels) words[i++] = symbols_.Acquire(label.name);
  shapes_.Insert(hash, shape);
  return shape;
}

ArenaRef LabelStore::Add(const model::Labels& set) {
  views_.assign(set.begin(), set.end());
  const std::span<const model::LabelView> labels(views_);
  last_shape_ = AcquireShape(labels);
  last_values_.resize(labels.size());
  const ArenaRef run = runs_.Allocate(RunBytes(labels.size()));
  std::uint32_t* words = Words(run);
  words[0] = last_shape_;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Symbol& last = last_values_[i];
    if (last != 0 && symbols_.Text(last) == labels[i].value) {
      symbols_.AcquireAgain(last);
    } else {
      last = symbols_.Acquire(labels[i].value);
    }
    words[1 + i] = last;
  }
  return run;
}

void LabelStore::ForgetLast() {
  last_shape_ = 0;
  last_values_.clear();
}

void LabelStore::Release(ArenaRef run, Remains& remains) {
  ForgetLast();  // Its symbols and shape may go.
  remains.runs.push_back(run);
  ForEach(run, [&](Symbol, Symbol value) {
    if (symbols_.Release(value)) remains.symbols.push_back(value);
  });
  const ArenaRef shape = Words(run)[0];
  if (--Words(shape)[0] != 0) return;
  shapes_.Erase(HashNames(symbols_, Names(run)), shape);
  remains.shapes.push_back(shape);
  for (const Symbol name : Names(run)) {
    if (symbols_.Release(name)) remains.symbols.push_back(name);
  }
}

void LabelStore::Free(const Remains& remains) {
  for (const ArenaRef run : remains.runs) runs_.Free(run, RunBytes(Names(run).size()));
  for (const ArenaRef shape : remains.shapes) runs_.Free(shape, ShapeBytes(Words(shape)[1]));
  for (const Symbol symbol : remains.symbols) symbols_.Free(symbol);
}

bool LabelStore::Equal(ArenaRef run, const model::Labels& labels) const {
  const auto names = Names(run);
  const Symbol* values = Words(run) + 1;
  std::size_t i = 0;
  for (const auto label : labels) {
    if (i == names.size() || symbols_.Text(values[i]) != label.value ||
        symbols_.Text(names[i]) != label.name) {
      return false;
    }
    ++i;
  }
  return i == names.size();
}

model::Labels LabelStore::Get(ArenaRef run) const {
  // Grows in memory that is kept; the copy that is returned is as long as it has to be.
  static thread_local model::Labels labels;
  labels.Clear();
  ForEach(run, [&](Symbol name, Symbol value) {
    labels.AppendSorted(symbols_.Text(name), symbols_.Text(value));
  });
  return labels;
}

model::Labels LabelStore::Get(ArenaRef run, std::span<const std::string> names) const {
  model::Labels labels;
  const auto own = Names(run);
  const Symbol* values = Words(run) + 1;
  std::size_t i = 0;
  for (const std::string& name : names) {
    for (; i < own.size(); ++i) {
      const std::string_view text = symbols_.Text(own[i]);
      if (text < name) continue;
      if (text == name) labels.AppendSorted(text, symbols_.Text(values[i++]));
      break;
    }
  }
  return labels;
}

Symbol LabelStore::ValueOf(ArenaRef run, Symbol name) const {
  const auto names = Names(run);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return Words(run)[1 + i];
  }
  return 0;
}

std::strong_ordering LabelStore::Compare(ArenaRef a, ArenaRef b, std::size_t from) const {
  for (std::size_t i = from;; ++i) {
    const Pair of_a = PairAt(a, i);
    const auto order = Compare(of_a, PairAt(b, i));
    if (order != 0 || of_a.name == 0) return order;
  }
}

std::strong_ordering LabelStore::Compare(const Pair& a, const Pair& b) const {
  // Different symbols are different texts, but for a symbol that is gone and its successor.
  if (a.name != b.name) {
    if (a.name == 0 || b.name == 0) return a.name <=> b.name;
    if (const auto order = Text(a.name) <=> Text(b.name); order != 0) return order;
  }
  if (a.value == b.value) return std::strong_ordering::equal;
  return Text(a.value) <=> Text(b.value);
}

}  // namespace narthex::tsdb
