// SPDX-License-Identifier: Apache-2.0
//
// Kahan–Neumaier summation, in the exact order of operations of Prometheus.
#pragma once

#include <cmath>

namespace narthex::promql {

struct KahanSum {
  double sum = 0;
  double compensation = 0;

  void Add(double x) {
    const double t = sum + x;
    if (std::isinf(t)) {
      compensation = 0;
    } else if (std::fabs(sum) >= std::fabs(x)) {
      compensation += (sum - t) + x;
    } else {
      compensation += (x - t) + sum;
    }
    sum = t;
  }
  double Total() const { return sum + compensation; }
};

/// Mean by the compensated sum, or incrementally from where the sum would overflow.
class KahanMean {
 public:
  void Add(double x) {
    count_ += 1;
    if (count_ == 1) {
      sum_.sum = x;
      return;
    }
    if (!incremental_) {
      KahanSum next = sum_;
      next.Add(x);
      if (!std::isinf(next.sum)) {
        sum_ = next;
        return;
      }
      incremental_ = true;
      sum_.sum /= count_ - 1;
      sum_.compensation /= count_ - 1;
    }
    const double q = (count_ - 1) / count_;
    sum_.sum *= q;
    sum_.compensation *= q;
    sum_.Add(x / count_);
  }
  double Mean() const {
    if (incremental_) return sum_.Total();
    return sum_.sum / count_ + sum_.compensation / count_;
  }

 private:
  KahanSum sum_;  // The mean itself once incremental.
  double count_ = 0;
  bool incremental_ = false;
};

}  // namespace narthex::promql
