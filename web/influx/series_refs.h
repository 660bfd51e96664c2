// SPDX-License-Identifier: Apache-2.0
//
// From the text of a series in line protocol to its reference in storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "narthex/base/hash.h"
#include "narthex/storage/appender.h"

namespace narthex::web {

/// Forgets what was not asked for during one to two periods. What it holds has a limit, which is
/// also the limit of how many series can be made through it. Thread safety: one thread at a time.
class SeriesRefs final {
 public:
  explicit SeriesRefs(std::size_t max_series) : max_series_(max_series) {}

  /// Begins a new period when the last one is over. @param now_ns  of a monotonic clock
  void Turn(std::int64_t now_ns);
  /// The reference, to read and to set; null when there is no room for another series.
  storage::SeriesRef* Find(const Hash128& series);
  /// Takes back a series that could not be made.
  void Forget(const Hash128& series) { current_.erase(series); }
  std::size_t size() const { return current_.size() + previous_.size(); }

 private:
  struct HashOf {
    std::size_t operator()(const Hash128& h) const { return h.low; }
  };
  using Table = std::unordered_map<Hash128, storage::SeriesRef, HashOf>;

  const std::size_t max_series_;
  std::int64_t period_end_ns_ = 0;
  Table current_, previous_;  // No series is in both.
};

}  // namespace narthex::web
