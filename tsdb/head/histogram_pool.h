// SPDX-License-Identifier: Apache-2.0
//
// The open chunks of series that hold native histograms. Few series do, and their state is large,
// so it lives beside the arenas.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "narthex/base/mutex.h"
#include "tsdb/chunkenc/histogram.h"
#include "tsdb/head/snapshot_file.h"

namespace narthex::tsdb {

struct OpenHistogram {
  std::variant<HistogramChunk<model::Histogram>, HistogramChunk<model::FloatHistogram>> chunk;
  model::TimestampMs min_time = 0;
  bool end_estimated = false;

  const std::string& bytes() const {
    return std::visit([](const auto& c) -> const std::string& { return c.bytes(); }, chunk);
  }
  Encoding encoding() const {
    return std::visit([](const auto& c) { return c.encoding(); }, chunk);
  }
  std::size_t memory_bytes() const {
    return sizeof(*this) + std::visit([](const auto& c) { return c.memory_bytes(); }, chunk);
  }
};

/// Thread safety: any thread; each entry belongs to whoever holds its series' lock.
class HistogramPool {
 public:
  /// @return its number, never 0
  std::uint32_t Add(std::unique_ptr<OpenHistogram> open) {
    MutexLock lock(mutex_);
    if (free_.empty()) {
      entries_.push_back(std::move(open));
      return static_cast<std::uint32_t>(entries_.size());
    }
    const std::uint32_t number = free_.back();
    free_.pop_back();
    entries_[number - 1] = std::move(open);
    return number;
  }
  OpenHistogram& At(std::uint32_t number) const {
    MutexLock lock(mutex_);
    return *entries_[number - 1];
  }
  std::unique_ptr<OpenHistogram> Take(std::uint32_t number) {
    MutexLock lock(mutex_);
    free_.push_back(number);
    return std::move(entries_[number - 1]);
  }
  /// For snapshots; see SlabArena.
  void Save(SnapshotWriter& out) const;
  Status Load(const SnapshotReader& in);
  void Reset();

  /// An estimate: entries grow under other locks, so their share is counted when they are begun.
  std::size_t held_bytes() const {
    MutexLock lock(mutex_);
    // A chunk in the making: its state, layout and about a kilobyte of samples.
    constexpr std::size_t kTypical = sizeof(OpenHistogram) + 2048;
    return (entries_.size() - free_.size()) * kTypical + entries_.capacity() * sizeof(void*);
  }

 private:
  mutable Mutex mutex_;  // Leaf.
  std::vector<std::unique_ptr<OpenHistogram>> entries_ NX_GUARDED_BY(mutex_);
  std::vector<std::uint32_t> free_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::tsdb
