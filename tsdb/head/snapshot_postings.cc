// SPDX-License-Identifier: Apache-2.0
//
// Snapshots of the head's postings: short lists with their arena, long ones in the portable form of
// Roaring bitmaps, and one run of values and lists for each label name.
#include <roaring/roaring.h>

#include "tsdb/head/mem_postings.h"

namespace narthex::tsdb {
namespace {

constexpr std::uint32_t kAllSeries = 0xffffffff;

// A list as it is written; its position is that in the file.
struct SavedList {
  std::uint32_t data;
  std::uint32_t count;
  std::uint32_t kind;
};

tl::unexpected<Error> Malformed() {
  return Fail(Code::kCorruption, "head snapshot: malformed postings");
}

void SaveBitmap(std::uint32_t number, const roaring_bitmap_s* bitmap, std::string& scratch,
                SnapshotWriter& out) {
  scratch.resize(roaring_bitmap_portable_size_in_bytes(bitmap));
  roaring_bitmap_portable_serialize(bitmap, scratch.data());
  out.WriteValue(number);
  out.WriteValue(static_cast<std::uint32_t>(scratch.size()));
  out.Write(AsBytes(scratch));
}

}  // namespace

void MemPostings::Save(SnapshotWriter& out) const {
  arena_.Save(out, SnapshotSection::kPostingState, SnapshotSection::kPostingData);
  out.Begin(SnapshotSection::kPostingLists);
  out.WriteValue(std::uint64_t{lists_.size()});
  out.WriteValue(std::uint64_t{values_.size()});
  std::vector<SavedList> lists;
  for (const auto& [name, values] : values_) {
    lists.clear();
    for (const Symbol value : values) {
      const List& list = lists_.find(Key(name, value))->second;
      lists.push_back({list.data, list.count, static_cast<std::uint32_t>(list.kind)});
    }
    out.WriteValue(name);
    out.WriteValue(static_cast<std::uint32_t>(values.size()));
    out.WriteArray(std::span<const Symbol>(values));
    out.WriteArray(std::span<const SavedList>(lists));
  }
  out.Begin(SnapshotSection::kPostingBitmaps);
  out.WriteValue(static_cast<std::uint32_t>(bitmaps_.size()));
  std::string scratch;
  for (std::size_t i = 0; i < bitmaps_.size(); ++i) {
    if (bitmaps_[i] != nullptr) {
      SaveBitmap(static_cast<std::uint32_t>(i), bitmaps_[i], scratch, out);
    }
  }
  SaveBitmap(kAllSeries, all_, scratch, out);
}

Status MemPostings::LoadLists(const SnapshotReader& in) {
  NX_ASSIGN_OR_RETURN(const std::string bytes, in.Read(SnapshotSection::kPostingLists));
  SnapshotCursor cursor(bytes);
  const auto num_lists = cursor.Value<std::uint64_t>();
  const auto num_names = cursor.Value<std::uint64_t>();
  if (num_lists > bytes.size() / sizeof(SavedList) || num_names > num_lists) return Malformed();
  lists_.reserve(num_lists);
  values_.reserve(num_names);
  std::vector<SavedList> saved;
  for (std::uint64_t i = 0; i < num_names && cursor.ok(); ++i) {
    const auto name = cursor.Value<Symbol>();
    const auto count = cursor.Value<std::uint32_t>();
    auto& values = values_[name];
    cursor.Array(count, values);
    saved.clear();
    cursor.Array(count, saved);
    for (std::uint32_t j = 0; j < saved.size(); ++j) {
      lists_.try_emplace(Key(name, values[j]),
                         List{saved[j].data, j, saved[j].count, static_cast<Kind>(saved[j].kind)});
    }
  }
  return cursor.done() && lists_.size() == num_lists ? Status() : Status(Malformed());
}

Status MemPostings::LoadBitmaps(const SnapshotReader& in) {
  NX_ASSIGN_OR_RETURN(const std::string bytes, in.Read(SnapshotSection::kPostingBitmaps));
  SnapshotCursor cursor(bytes);
  const auto count = cursor.Value<std::uint32_t>();
  if (count > bytes.size()) return Malformed();
  bitmaps_.resize(count);
  bool all_found = false;
  while (cursor.ok() && !cursor.done()) {
    const auto number = cursor.Value<std::uint32_t>();
    const auto length = cursor.Value<std::uint32_t>();
    const auto data = cursor.Bytes(length);
    if (!cursor.ok() || (number != kAllSeries && number >= count)) return Malformed();
    auto* const bitmap = roaring_bitmap_portable_deserialize_safe(data.data(), data.size());
    if (bitmap == nullptr) return Malformed();
    auto*& place = number == kAllSeries ? all_ : bitmaps_[number];
    if (place != nullptr) roaring_bitmap_free(place);
    place = bitmap;
    all_found = all_found || number == kAllSeries;
  }
  for (std::uint32_t i = count; i-- > 0;) {
    if (bitmaps_[i] == nullptr) free_bitmaps_.push_back(i);
  }
  return cursor.ok() && all_found ? Status() : Status(Malformed());
}

Status MemPostings::Load(SnapshotReader& in) {
  in.Queue([this, &in] { return LoadLists(in); });
  in.Queue([this, &in] { return LoadBitmaps(in); });
  return arena_.Load(in, SnapshotSection::kPostingState, SnapshotSection::kPostingData);
}

void MemPostings::Reset() {
  arena_.Reset();
  lists_ = {};
  values_ = {};
  for (auto* bitmap : bitmaps_) {
    if (bitmap != nullptr) roaring_bitmap_free(bitmap);
  }
  bitmaps_.clear();
  free_bitmaps_.clear();
  roaring_bitmap_clear(all_);
}

}  // namespace narthex::tsdb
