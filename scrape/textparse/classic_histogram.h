// SPDX-License-Identifier: Apache-2.0
//
// Gathers the buckets, sum and count of one classic histogram and makes a native histogram with
// the same bucket bounds of them. Source: Prometheus util/convertnhcb.
#pragma once

#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/histogram.h"

namespace narthex::scrape {

/// Once something does not fit, everything fails until Reset, with the first reason.
/// Thread safety: one thread.
class ClassicHistogram {
 public:
  void Reset();
  Status SetCount(double count);
  void SetSum(double sum) { sum_ = sum; }
  /// `count` is cumulative. Buckets may come in any order; of equal bounds the first one counts.
  Status SetBucket(double bound, double count);

  /// With integer counts when all of them are whole; `out` keeps its memory when the kind stays.
  /// Errors: kInvalidArgument in Prometheus's wording.
  Status Convert(model::AnyHistogram& out);

 private:
  struct Bucket {
    double bound;
    double count;
  };

  Status Refuse(std::string why);
  /// Puts the buckets in order that SetBucket left at the end.
  Status Sort();
  template <typename H>
  void Fill(H& h) const;

  std::vector<Bucket> buckets_;  // By bound, but for those at the end after `sorted_` ones.
  std::size_t sorted_ = 0;
  double count_ = 0;
  double sum_ = 0;
  bool has_count_ = false;
  std::string error_;
};

}  // namespace narthex::scrape
