// SPDX-License-Identifier: Apache-2.0
//
// Compensated sums of many windows, to the bit as KahanSum adds them up one after another.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "promql/functions/kahan.h"

namespace narthex::promql {

/// Two compensated sums side by side. What a sum lost in rounding is a number that has one value:
/// here it is found by operations that need no look at which operand is larger (Knuth), so that
/// both sums run in one vector register. Only past the range of doubles do the two ways differ;
/// then finite() is false of the result, and KahanSum has to be asked.
class KahanPair {
 public:
  using Pair = double __attribute__((vector_size(16)));

  void Add(Pair x) {
    const Pair t = sum_ + x;
    const Pair added = t - sum_;
    compensation_ += (sum_ - (t - added)) + (x - added);
    sum_ = t;
  }
  KahanSum Get(int i) const { return {sum_[i], compensation_[i]}; }

 private:
  Pair sum_{}, compensation_{};
};

inline bool IsFinite(const KahanSum& sum) {
  return std::isfinite(sum.sum) && std::isfinite(sum.compensation);
}

/// The sums of v over [lo[i], hi[i]) for each i, where neither bound falls. A sum that is not
/// finite is not right.
void SumWindows(std::span<const double> v, std::span<const std::uint32_t> lo,
                std::span<const std::uint32_t> hi, std::span<KahanSum> out);

}  // namespace narthex::promql
