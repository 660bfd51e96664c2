// SPDX-License-Identifier: Apache-2.0
//
// Postings of many series at once: their labels are sorted by list in memory first, so that each
// list is looked up once and grows once.
#include <cstring>

#include <roaring/roaring.h>

#include "tsdb/head/mem_postings.h"

namespace narthex::tsdb {
namespace {

// The lists that a row of series touches, numbered as they come.
class TouchedLists {
 public:
  // Series come in rows that differ in few labels: most keys are those of the series before, at
  // the same position, and need no look-up.
  std::uint32_t NumberOf(std::size_t position, std::uint64_t key) {
    if (position == last_.size()) last_.emplace_back(0, 0);
    auto& [last_key, number] = last_[position];
    if (last_key != key) {
      const auto [it, is_new] = numbers_.try_emplace(key, static_cast<std::uint32_t>(keys_.size()));
      if (is_new) {
        keys_.push_back(key);
        counts_.push_back(0);
      }
      last_key = key;
      number = it->second;
    }
    ++counts_[number];
    return number;
  }

  const std::vector<std::uint64_t>& keys() const { return keys_; }
  const std::vector<std::uint32_t>& counts() const { return counts_; }

 private:
  absl::flat_hash_map<std::uint64_t, std::uint32_t> numbers_;
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint32_t> counts_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> last_;  // By position; no key is 0.
};

}  // namespace

void MemPostings::AddMany(List& list, std::span<const SeriesId> ids,
                          std::vector<SeriesId>& scratch) {
  const std::size_t total = list.count + ids.size();
  if (list.kind == Kind::kBitmap) {
    roaring_bitmap_add_many(bitmaps_[list.data], ids.size(), ids.data());
  } else {
    scratch.clear();
    if (list.count > 0 && list.kind == Kind::kOne) {
      scratch.push_back(list.data);
    } else if (list.count > 0) {
      scratch.assign(Packed(list), Packed(list) + list.count);
      arena_.Free(list.data, PackedBytes(list.count));
    }
    scratch.insert(scratch.end(), ids.begin(), ids.end());
    if (total == 1) {
      list.data = scratch.front();
    } else if (total <= kMostPacked) {
      list.kind = Kind::kPacked;
      list.data = arena_.Allocate(PackedBytes(total));
      std::memcpy(Packed(list), scratch.data(), PackedBytes(total));
    } else {
      list.kind = Kind::kBitmap;
      list.data = NewBitmapPlace();
      bitmaps_[list.data] = roaring_bitmap_of_ptr(scratch.size(), scratch.data());
    }
  }
  list.count = static_cast<std::uint32_t>(total);
}

void MemPostings::AddRange(SeriesId first, std::span<const ArenaRef> runs,
                           const LabelStore& labels) {
  roaring_bitmap_add_range(all_, first, first + std::uint64_t{runs.size()});
  TouchedLists touched;
  std::vector<std::uint32_t> numbers;  // Of the list of each label of each series.
  std::vector<std::size_t> ends;       // Of each series in them.
  for (const ArenaRef run : runs) {
    std::size_t position = 0;
    labels.ForEach(run, [&](Symbol name, Symbol value) {
      numbers.push_back(touched.NumberOf(position++, Key(name, value)));
    });
    ends.push_back(numbers.size());
  }
  std::vector<std::size_t> places;  // Where the next series of each list goes.
  std::size_t place = 0;
  for (const std::uint32_t count : touched.counts()) {
    places.push_back(place);
    place += count;
  }
  std::vector<SeriesId> ids(numbers.size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (; at < ends[i]; ++at) {
      ids[places[numbers[at]]++] = first + static_cast<SeriesId>(i);
    }
  }
  std::vector<SeriesId> scratch;
  for (std::size_t n = 0; n < places.size(); ++n) {
    const std::uint64_t key = touched.keys()[n];
    const std::uint32_t count = touched.counts()[n];
    AddMany(ListOf(static_cast<Symbol>(key >> 32), static_cast<Symbol>(key)),
            std::span<const SeriesId>(ids).subspan(places[n] - count, count), scratch);
  }
}

}  // namespace narthex::tsdb
