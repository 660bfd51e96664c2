// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "narthex/base/hash.h"
#include "narthex/base/mutex.h"
#include "narthex/base/recent_map.h"

namespace narthex {

/// A RecentMap in parts with a lock each. What was not asked for during the last one or two periods
/// is forgotten, as is the older half when there is too much. Thread safety: any thread.
template <typename Value>
class SharedRecentMap {
 public:
  static constexpr std::int64_t kPeriodMs = 30 * 60'000;

  explicit SharedRecentMap(std::size_t max_entries) {
    for (auto& part : parts_) part = std::make_unique<Part>(max_entries / kParts);
  }

  std::optional<Value> Find(const Hash128& id) {
    Part& part = PartOf(id);
    MutexLock lock(part.mutex);
    const Value* value = part.values.Find(id);
    return value == nullptr ? std::nullopt : std::optional(*value);
  }
  void Put(const Hash128& id, Value value) {
    Part& part = PartOf(id);
    MutexLock lock(part.mutex);
    part.values.Put(id, std::move(value));
  }
  /// Calls change(value) when there is one.
  template <typename Change>
  void Update(const Hash128& id, Change&& change) {
    Part& part = PartOf(id);
    MutexLock lock(part.mutex);
    if (Value* value = part.values.Find(id)) change(*value);
  }
  void Erase(const Hash128& id) {
    Part& part = PartOf(id);
    MutexLock lock(part.mutex);
    part.values.Erase(id);
  }
  /// Begins a new period when it is time. @param now  milliseconds
  void Tick(std::int64_t now) {
    std::int64_t end = period_end_.load(std::memory_order_relaxed);
    // A clock that was set back must not stop time here.
    if (now < end && now >= end - kPeriodMs) return;
    if (!period_end_.compare_exchange_strong(end, now + kPeriodMs) || end == 0) return;
    for (auto& part : parts_) {
      MutexLock lock(part->mutex);
      part->values.Age();
    }
  }

  std::size_t size() const {
    return Sum([](const RecentMap<Value>& values) { return values.size(); });
  }
  std::size_t memory_bytes() const {
    return Sum([](const RecentMap<Value>& values) { return values.memory_bytes(); });
  }

 private:
  struct Part {
    explicit Part(std::size_t max_entries) : values(max_entries) {}
    mutable Mutex mutex;
    RecentMap<Value> values NX_GUARDED_BY(mutex);
  };
  static constexpr std::size_t kParts = 16;

  Part& PartOf(const Hash128& id) { return *parts_[id.high % kParts]; }

  template <typename Number>
  std::size_t Sum(Number&& number) const {
    std::size_t n = 0;
    for (const auto& part : parts_) {
      MutexLock lock(part->mutex);
      n += number(part->values);
    }
    return n;
  }

  std::array<std::unique_ptr<Part>, kParts> parts_;
  std::atomic<std::int64_t> period_end_{0};
};

}  // namespace narthex
