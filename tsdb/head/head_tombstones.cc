// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/head_tombstones.h"

namespace narthex::tsdb {

void HeadTombstones::Add(wal::WalRef ref, Interval interval) {
  MutexLock lock(mutex_);
  AddInterval(by_ref_[ref], interval);
}

std::vector<Interval> HeadTombstones::Of(wal::WalRef ref) const {
  MutexLock lock(mutex_);
  const auto it = by_ref_.find(ref);
  return it == by_ref_.end() ? std::vector<Interval>() : it->second;
}

void HeadTombstones::Remove(wal::WalRef ref) {
  MutexLock lock(mutex_);
  by_ref_.erase(ref);
}

void HeadTombstones::Move(wal::WalRef from, wal::WalRef to) {
  MutexLock lock(mutex_);
  const auto it = by_ref_.find(from);
  if (it == by_ref_.end()) return;
  const std::vector<Interval> moved = std::move(it->second);
  by_ref_.erase(it);
  for (const Interval interval : moved) AddInterval(by_ref_[to], interval);
}

void HeadTombstones::TruncateBefore(model::TimestampMs t) {
  MutexLock lock(mutex_);
  absl::erase_if(by_ref_, [t](auto& entry) {
    std::erase_if(entry.second, [t](const Interval& i) { return i.maxt < t; });
    return entry.second.empty();
  });
}

std::size_t HeadTombstones::held_bytes() const {
  MutexLock lock(mutex_);
  std::size_t bytes = by_ref_.capacity() * (sizeof(decltype(by_ref_)::value_type) + 1);
  for (const auto& [ref, intervals] : by_ref_) bytes += intervals.capacity() * sizeof(Interval);
  return bytes;
}

}  // namespace narthex::tsdb
