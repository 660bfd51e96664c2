// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/mem_postings.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

#include <roaring/roaring.h>

namespace narthex::tsdb {
namespace {

// Of each container of up to 65,536 series: its key, type, pointer and header.
constexpr std::size_t kContainerBytes = 32;

// roaring_bitmap_statistics would look at each series.
std::size_t BitmapBytes(const roaring_bitmap_t& bitmap) {
  return sizeof bitmap + roaring_bitmap_portable_size_in_bytes(&bitmap) +
         static_cast<std::size_t>(bitmap.high_low_container.size) * kContainerBytes;
}

}  // namespace

MemPostings::MemPostings() : all_(roaring_bitmap_create()) {}

MemPostings::~MemPostings() {
  for (auto* bitmap : bitmaps_) {
    if (bitmap != nullptr) roaring_bitmap_free(bitmap);
  }
  roaring_bitmap_free(all_);
}

void MemPostings::AddPacked(List& list, SeriesId id) {
  const std::size_t old_bytes = PackedBytes(list.count);
  const std::size_t new_bytes = old_bytes + sizeof(SeriesId);
  if (SlabArena::ClassOf(new_bytes) != SlabArena::ClassOf(old_bytes)) {
    const ArenaRef larger = arena_.Allocate(new_bytes);
    std::memcpy(arena_.At(larger), arena_.At(list.data), old_bytes);
    arena_.Free(list.data, old_bytes);
    list.data = larger;
  }
  SeriesId* const ids = Packed(list);
  SeriesId* const end = ids + list.count;
  SeriesId* const at = std::lower_bound(ids, end, id);
  std::copy_backward(at, end, end + 1);
  *at = id;
  ++list.count;
}

std::uint32_t MemPostings::NewBitmapPlace() {
  if (free_bitmaps_.empty()) {
    bitmaps_.push_back(nullptr);
    return static_cast<std::uint32_t>(bitmaps_.size() - 1);
  }
  const std::uint32_t place = free_bitmaps_.back();
  free_bitmaps_.pop_back();
  return place;
}

void MemPostings::MakeBitmap(List& list, SeriesId id) {
  auto* bitmap = roaring_bitmap_of_ptr(list.count, Packed(list));
  arena_.Free(list.data, PackedBytes(list.count));
  roaring_bitmap_add(bitmap, id);
  list.data = NewBitmapPlace();
  bitmaps_[list.data] = bitmap;
  list.kind = Kind::kBitmap;
  ++list.count;
}

void MemPostings::AddTo(List& list, SeriesId id) {
  if (list.count == 0) {
    list.data = id;
    list.count = 1;
    return;
  }
  if (list.kind == Kind::kOne) {
    const SeriesId first = list.data;
    list.data = arena_.Allocate(PackedBytes(1));
    list.kind = Kind::kPacked;
    *Packed(list) = first;
  }
  if (list.kind == Kind::kBitmap) {
    roaring_bitmap_add(bitmaps_[list.data], id);
    ++list.count;
  } else if (list.count == kMostPacked) {
    MakeBitmap(list, id);
  } else {
    AddPacked(list, id);
  }
}

MemPostings::List& MemPostings::ListOf(Symbol name, Symbol value) {
  const auto [it, is_new] = lists_.try_emplace(Key(name, value));
  if (is_new) {
    auto& values = values_[name];
    it->second.position = static_cast<std::uint32_t>(values.size());
    values.push_back(value);
  }
  return it->second;
}

void MemPostings::Add(SeriesId id, ArenaRef run, const LabelStore& labels) {
  roaring_bitmap_add(all_, id);
  labels.ForEach(run, [&](Symbol name, Symbol value) { AddTo(ListOf(name, value), id); });
}

void MemPostings::RemoveFrom(List& list, SeriesId id) {
  switch (list.kind) {
    case Kind::kOne:
      list.count = 0;
      return;
    case Kind::kPacked: {
      SeriesId* const ids = Packed(list);
      SeriesId* const end = ids + list.count;
      SeriesId* const at = std::lower_bound(ids, end, id);
      std::copy(at + 1, end, at);
      const std::size_t old_bytes = PackedBytes(list.count);
      --list.count;
      const std::size_t new_bytes = PackedBytes(list.count);
      if (list.count > 0 && SlabArena::ClassOf(new_bytes) == SlabArena::ClassOf(old_bytes)) return;
      const ArenaRef old = list.data;
      if (list.count > 0) {
        list.data = arena_.Allocate(new_bytes);
        std::memcpy(arena_.At(list.data), arena_.At(old), new_bytes);
      }
      arena_.Free(old, old_bytes);
      return;
    }
    case Kind::kBitmap:
      roaring_bitmap_remove(bitmaps_[list.data], id);
      if (--list.count > 0) return;
      roaring_bitmap_free(bitmaps_[list.data]);
      bitmaps_[list.data] = nullptr;
      free_bitmaps_.push_back(list.data);
  }
}

void MemPostings::DropPair(Symbol name, Symbol value, const List& list) {
  const auto it = values_.find(name);
  auto& values = it->second;
  const std::uint32_t position = list.position;
  lists_.erase(Key(name, value));
  values[position] = values.back();
  values.pop_back();
  if (values.empty()) {
    values_.erase(it);
  } else if (position < values.size()) {
    lists_.find(Key(name, values[position]))->second.position = position;
  }
}

void MemPostings::Remove(SeriesId id, ArenaRef run, const LabelStore& labels) {
  roaring_bitmap_remove(all_, id);
  labels.ForEach(run, [&](Symbol name, Symbol value) {
    const auto it = lists_.find(Key(name, value));
    if (it == lists_.end()) return;
    RemoveFrom(it->second, id);
    if (it->second.count == 0) DropPair(name, value, it->second);
  });
}

void MemPostings::All(PostingList& out) const {
  out.resize(roaring_bitmap_get_cardinality(all_));
  roaring_bitmap_to_uint32_array(all_, out.data());
}

void MemPostings::OfPair(Symbol name, Symbol value, PostingList& out) const {
  const auto it = lists_.find(Key(name, value));
  if (it != lists_.end()) Append(it->second, out);
}

void MemPostings::Append(const List& list, PostingList& out) const {
  const std::size_t base = out.size();
  out.resize(base + list.count);
  switch (list.kind) {
    case Kind::kOne:
      out[base] = list.data;
      return;
    case Kind::kPacked:
      std::copy_n(Packed(list), list.count, out.begin() + static_cast<std::ptrdiff_t>(base));
      return;
    case Kind::kBitmap:
      roaring_bitmap_to_uint32_array(bitmaps_[list.data], out.data() + base);
  }
}

void MemPostings::Keep(const List& list, PostingList& ids) const {
  if (list.kind == Kind::kBitmap) {
    const roaring_bitmap_t* const bitmap = bitmaps_[list.data];
    std::erase_if(ids, [&](SeriesId id) { return !roaring_bitmap_contains(bitmap, id); });
    return;
  }
  const std::span<const SeriesId> wanted =
      list.kind == Kind::kOne ? std::span(&list.data, 1) : std::span(Packed(list), list.count);
  std::erase_if(ids,
                [&](SeriesId id) { return !std::binary_search(wanted.begin(), wanted.end(), id); });
}

void MemPostings::AndBitmaps(std::span<const List* const> lists, PostingList& out) const {
  if (lists.size() == 1) return Append(*lists[0], out);
  const std::unique_ptr<roaring_bitmap_t, decltype(&roaring_bitmap_free)> common(
      roaring_bitmap_and(bitmaps_[lists[0]->data], bitmaps_[lists[1]->data]), &roaring_bitmap_free);
  for (const List* list : lists.subspan(2)) {
    roaring_bitmap_and_inplace(common.get(), bitmaps_[list->data]);
  }
  out.resize(roaring_bitmap_get_cardinality(common.get()));
  roaring_bitmap_to_uint32_array(common.get(), out.data());
}

void MemPostings::OfPairs(std::span<const LabelStore::Pair> pairs, PostingList& out) const {
  out.clear();
  std::vector<const List*> lists;
  for (const auto& [name, value] : pairs) {
    const auto it = lists_.find(Key(name, value));
    if (it == lists_.end()) return;
    lists.push_back(&it->second);
  }
  std::sort(lists.begin(), lists.end(),
            [](const List* a, const List* b) { return a->count < b->count; });
  // A list that has shrunk may still be a bitmap, so each is asked.
  if (std::all_of(lists.begin(), lists.end(),
                  [](const List* list) { return list->kind == Kind::kBitmap; })) {
    return AndBitmaps(lists, out);
  }
  Append(*lists[0], out);
  for (std::size_t i = 1; i < lists.size() && !out.empty(); ++i) Keep(*lists[i], out);
}

std::size_t MemPostings::CountOf(Symbol name, Symbol value) const {
  const auto it = lists_.find(Key(name, value));
  return it == lists_.end() ? 0 : it->second.count;
}

void MemPostings::ForEachName(
    const std::function<void(Symbol name, const std::vector<Symbol>& values)>& fn) const {
  for (const auto& [name, values] : values_) fn(name, values);
}

const std::vector<Symbol>* MemPostings::ValuesOf(Symbol name) const {
  const auto it = values_.find(name);
  return it == values_.end() ? nullptr : &it->second;
}

std::size_t MemPostings::held_bytes() const {
  std::size_t bytes = arena_.held_bytes() + bitmaps_.capacity() * sizeof(void*) +
                      lists_.capacity() * (sizeof(std::pair<std::uint64_t, List>) + 1) +
                      values_.capacity() * (sizeof(std::pair<Symbol, std::vector<Symbol>>) + 1);
  for (const auto& [name, values] : values_) bytes += values.capacity() * sizeof(Symbol);
  for (const auto* bitmap : bitmaps_) {
    if (bitmap != nullptr) bytes += BitmapBytes(*bitmap);
  }
  return bytes + BitmapBytes(*all_);
}

}  // namespace narthex::tsdb
