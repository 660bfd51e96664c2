// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "narthex/base/hash.h"

namespace narthex {

/// A table that forgets what was not asked for lately: what is new or found again is among the
/// recent entries, which become the older ones when there are too many of them, or on request; the
/// older ones go then. Thread safety: one thread at a time.
template <typename Value>
class RecentMap {
 public:
  explicit RecentMap(std::size_t max_entries)
      : max_recent_(std::max<std::size_t>(1, max_entries / 2)) {}

  /// Null when it is not known. Valid until the next call.
  Value* Find(const Hash128& id) {
    if (const auto found = recent_.find(id); found != recent_.end()) return &found->second;
    const auto found = older_.find(id);
    if (found == older_.end()) return nullptr;
    Value value = std::move(found->second);
    older_.erase(found);
    return &Put(id, std::move(value));
  }
  Value& Put(const Hash128& id, Value value) {
    if (recent_.size() >= max_recent_) Age();
    return recent_.insert_or_assign(id, std::move(value)).first->second;
  }
  void Erase(const Hash128& id) {
    recent_.erase(id);
    older_.erase(id);
  }
  void Age() { older_ = std::exchange(recent_, Map()); }

  std::size_t size() const { return recent_.size() + older_.size(); }
  /// Of the tables, without what the values hold elsewhere.
  std::size_t memory_bytes() const {
    constexpr std::size_t kSlotBytes = sizeof(typename Map::value_type) + 1;  // And one of control.
    return (recent_.capacity() + older_.capacity()) * kSlotBytes;
  }

 private:
  struct IdHash {
    std::size_t operator()(const Hash128& id) const { return id.low; }
  };
  using Map = absl::flat_hash_map<Hash128, Value, IdHash>;

  const std::size_t max_recent_;
  Map recent_, older_;
};

}  // namespace narthex
