// SPDX-License-Identifier: Apache-2.0
//
// Quantiles and fractions of classic histograms: cumulative counts under upper bounds.
#pragma once

#include <vector>

namespace narthex::promql {

struct ClassicBucket {
  double upper = 0;
  double count = 0;  // Of observations up to `upper`.
};

/// What had to be repaired in buckets whose counts fall.
struct MonotonicityFix {
  bool forced = false;
  double min_bucket = 0, max_bucket = 0, max_diff = 0;
};

/// Both change `buckets`, which must be sorted by bound and not empty.
double ClassicQuantile(double q, std::vector<ClassicBucket>& buckets, MonotonicityFix& fix);
double ClassicFraction(double lower, double upper, std::vector<ClassicBucket>& buckets);

}  // namespace narthex::promql
