// SPDX-License-Identifier: Apache-2.0
//
// Start times: when what a sample counts began to be counted. Few samples have one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "narthex/model/timestamp.h"

namespace narthex::storage {

/// The start times of the samples of a column, by index. Unix milliseconds; 0 = the sample has
/// none. Nothing is held behind the last sample that has one, so a column without start times costs
/// nothing, and one may grow without a look at this. Thread safety: one thread at a time.
class StartTimes {
 public:
  /// Whether no sample has one.
  bool empty() const { return starts_.empty(); }
  model::TimestampMs At(std::size_t i) const { return i < starts_.size() ? starts_[i] : 0; }

  /// Gives sample i, which is behind all that have one so far, its start time.
  void Append(std::size_t i, model::TimestampMs start) {
    if (start == 0) return;
    starts_.resize(i);
    starts_.push_back(start);
  }
  /// The column is cut to n samples.
  void Truncate(std::size_t n) {
    if (n < starts_.size()) starts_.resize(n);
  }
  /// The samples [first, last) leave the column.
  void Erase(std::size_t first, std::size_t last) {
    if (first >= starts_.size()) return;
    const auto begin = starts_.begin();
    starts_.erase(begin + static_cast<std::ptrdiff_t>(first),
                  begin + static_cast<std::ptrdiff_t>(std::min(last, starts_.size())));
  }
  /// While a column is condensed in place, and then truncated: what was sample `from` is sample
  /// `to`, which is not behind it.
  void Move(std::size_t from, std::size_t to) {
    if (to < starts_.size()) starts_[to] = At(from);
  }
  /// Another column's samples follow the first n.
  void AppendAll(std::size_t n, const StartTimes& other) {
    if (other.empty()) return;
    starts_.resize(n);
    starts_.insert(starts_.end(), other.starts_.begin(), other.starts_.end());
  }
  /// Cuts the column to n samples and returns what the others had.
  StartTimes TakeTail(std::size_t n) {
    StartTimes tail;
    if (n >= starts_.size()) return tail;
    tail.starts_.assign(starts_.begin() + static_cast<std::ptrdiff_t>(n), starts_.end());
    starts_.resize(n);
    return tail;
  }
  void clear() { starts_.clear(); }

 private:
  std::vector<model::TimestampMs> starts_;
};

}  // namespace narthex::storage
