// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/series_cache.h"

#include <algorithm>
#include <bit>

#include "narthex/base/check.h"
#include "narthex/base/heap_bytes.h"

namespace narthex::scrape {

namespace {

/// Dead entries that are not worth a rebuild.
constexpr std::size_t kIdleEntries = 64;

// Up to here allocators have about four sizes of blocks per power of two; beyond, whole pages.
constexpr std::size_t kMaxSizedBlock = 128 * 1024;

// How many entries to make room for when there are `n`, and no place is left. Doubling would leave
// half of a large array empty for good, and an odd number much of the block that the array is in.
std::size_t NextCapacity(std::size_t n, std::size_t entry_bytes) {
  const std::size_t bytes = (n + 1) * entry_bytes;
  if (bytes > kMaxSizedBlock) return n + n / 16;
  const std::size_t step = std::max<std::size_t>(std::bit_floor(bytes) / 4, 4 * entry_bytes);
  return (bytes + step - 1) / step * step / entry_bytes;
}

}  // namespace

SeriesHint SeriesCache::Hint() const {
  const Index i = last_ == kNone ? first_ : entries_[last_].next;
  if (i == kNone) return {};
  return {entries_[i].hash, entries_[i].length};
}

SeriesCache::Index SeriesCache::Find(const Hash128& hash, bool hint_matched, bool& seen) {
  const Index hinted = last_ == kNone ? first_ : entries_[last_].next;
  const Index i = hint_matched ? hinted : Lookup(hash);
  if (i == kNone) return kNone;
  seen = entries_[i].touched == iteration_;
  touched_ += seen ? 0 : 1;
  if (entries_[i].touched < finished_ && !dropped(i)) ++returned_;
  entries_[i].touched = iteration_;
  Follow(i);
  return i;
}

SeriesCache::Index SeriesCache::Add(const Hash128& hash, std::size_t length,
                                    storage::SeriesRef ref) {
  if ((entries_.size() + 1) * 5 > table_.size() * 4) Rebuild();
  if (entries_.size() == entries_.capacity()) {
    entries_.reserve(NextCapacity(entries_.size(), sizeof(Entry)));
  }
  const auto i = static_cast<Index>(entries_.size());
  const bool fits = length < (1U << 31);
  entries_.push_back({hash, ref, fits ? static_cast<std::uint32_t>(length) & 0x7fffffffU : 0, 0,
                      iteration_, 0, kNone});
  table_[FreeSlot(hash)] = i;
  ++touched_;
  Follow(i);
  return i;
}

void SeriesCache::Track(Index i) {
  Entry& entry = entries_[i];
  if (entry.tracked == iteration_) return;
  entry.was_tracked = entry.tracked == iteration_ - 1 && entry.tracked != 0;
  tracked_again_ += entry.was_tracked;
  entry.tracked = iteration_;
  ++tracked_now_;
}

void SeriesCache::Finish(std::vector<storage::SeriesRef>& stale) {
  stale.clear();
  if (tracked_again_ < tracked_before_) {
    for (const Entry& entry : entries_) {
      if (entry.tracked == iteration_ - 1 && entry.tracked != 0) stale.push_back(entry.ref);
    }
    RemoveAlive(stale);
  }
  tracked_before_ = tracked_now_;
  ForgetUntouched();
  good_size_ = entries_.size();
  finished_ = iteration_;
  NextIteration();
}

bool SeriesCache::Abandon(std::vector<storage::SeriesRef>& stale) {
  stale.clear();
  for (Entry& entry : entries_) {
    const bool before =
        entry.tracked == iteration_ ? entry.was_tracked != 0 : entry.tracked == iteration_ - 1;
    if (before && entry.tracked != 0) stale.push_back(entry.ref);
    if (entry.tracked == iteration_) entry.tracked = 0;
  }
  std::sort(stale.begin(), stale.end());
  stale.erase(std::unique(stale.begin(), stale.end()), stale.end());
  tracked_before_ = 0;
  const bool grown = entries_.size() > good_size_ * 2 + 1000;
  if (grown) ForgetUntouched();
  NextIteration();
  return grown;
}

std::size_t SeriesCache::memory_bytes() const { return HeapBytes(entries_) + HeapBytes(table_); }

std::size_t SeriesCache::FirstSlot(const Hash128& hash) const {
  // Maps 32 bits onto the table without a division (Lemire's fast range).
  return static_cast<std::size_t>((hash.low >> 32) * table_.size() >> 32);
}

std::size_t SeriesCache::FreeSlot(const Hash128& hash) const {
  std::size_t slot = FirstSlot(hash);
  while (table_[slot] != kNone) slot = slot + 1 == table_.size() ? 0 : slot + 1;
  return slot;
}

SeriesCache::Index SeriesCache::Lookup(const Hash128& hash) const {
  if (table_.empty()) return kNone;
  for (std::size_t slot = FirstSlot(hash); table_[slot] != kNone;) {
    if (entries_[table_[slot]].hash == hash) return table_[slot];
    slot = slot + 1 == table_.size() ? 0 : slot + 1;
  }
  return kNone;
}

void SeriesCache::Follow(Index i) {
  Index& link = last_ == kNone ? first_ : entries_[last_].next;
  if (link != i) link = i;
  last_ = i;
}

void SeriesCache::Rebuild() {
  table_ = UninitVector<Index>();
  table_.resize(entries_.size() + entries_.size() * 4 / 10 + 16);
  std::fill(table_.begin(), table_.end(), kNone);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    table_[FreeSlot(entries_[i].hash)] = static_cast<Index>(i);
  }
}

void SeriesCache::ForgetUntouched() {
  const std::size_t dead = entries_.size() - touched_;
  if (dead <= kIdleEntries && dead * 2 <= entries_.size()) return;
  if (dead * 8 < entries_.size()) return;
  std::vector<Index> moved(entries_.size(), kNone);
  std::vector<Entry> alive;
  alive.reserve(touched_);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].touched != iteration_) continue;
    moved[i] = static_cast<Index>(alive.size());
    alive.push_back(entries_[i]);
  }
  for (Entry& entry : alive) {
    if (entry.next != kNone) entry.next = moved[entry.next];
  }
  if (first_ != kNone) first_ = moved[first_];
  entries_ = std::move(alive);
  Rebuild();
}

void SeriesCache::NextIteration() {
  ++iteration_;
  NX_CHECK(iteration_ != UINT32_MAX, "four billion scrapes of one target");
  last_ = kNone;
  touched_ = returned_ = tracked_again_ = tracked_now_ = 0;
}

void SeriesCache::RemoveAlive(std::vector<storage::SeriesRef>& stale) const {
  std::sort(stale.begin(), stale.end());
  stale.erase(std::unique(stale.begin(), stale.end()), stale.end());
  std::vector<storage::SeriesRef> alive;
  for (const Entry& entry : entries_) {
    if (entry.tracked == iteration_ && std::binary_search(stale.begin(), stale.end(), entry.ref)) {
      alive.push_back(entry.ref);
    }
  }
  if (alive.empty()) return;
  std::sort(alive.begin(), alive.end());
  std::erase_if(stale, [&](storage::SeriesRef ref) {
    return std::binary_search(alive.begin(), alive.end(), ref);
  });
}

}  // namespace narthex::scrape
