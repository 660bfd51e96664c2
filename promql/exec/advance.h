// SPDX-License-Identifier: Apache-2.0
//
// Where a bound that only rises falls among the times of a series.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "narthex/model/timestamp.h"

namespace narthex::promql {

/// Samples mostly come at one interval and steps at another, so a bound moves by as many samples as
/// it did last time; that place is tried first.
class Advance {
 public:
  explicit Advance(std::span<const model::TimestampMs> times)
      : times_(times.data()), size_(times.size()) {}

  /// Index of the first time later than `bound`, which is not below the last one.
  std::size_t To(model::TimestampMs bound) {
    const std::size_t guess = at_ + jump_;
    const bool good = guess <= size_ && (guess == 0 || times_[guess - 1] <= bound);
    if (good && (guess == size_ || times_[guess] > bound)) return at_ = guess;
    const std::size_t last = at_;
    at_ = Search(good ? guess : at_, bound);
    jump_ = at_ - last;
    return at_;
  }

 private:
  std::size_t Search(std::size_t from, model::TimestampMs bound) const {
    std::size_t step = 1;
    while (from + step <= size_ && times_[from + step - 1] <= bound) {
      from += step;
      step *= 2;
    }
    const model::TimestampMs* const end = times_ + std::min(from + step, size_);
    return static_cast<std::size_t>(std::upper_bound(times_ + from, end, bound) - times_);
  }

  const model::TimestampMs* const times_;
  const std::size_t size_;
  std::size_t at_ = 0;
  std::size_t jump_ = 0;
};

}  // namespace narthex::promql
