// SPDX-License-Identifier: Apache-2.0
#include "promql/functions/classic_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace narthex::promql {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void MergeEqualBounds(std::vector<ClassicBucket>& buckets) {
  std::size_t to = 0;
  for (std::size_t from = 1; from < buckets.size(); ++from) {
    if (buckets[from].upper == buckets[to].upper) {
      buckets[to].count += buckets[from].count;
    } else {
      buckets[++to] = buckets[from];
    }
  }
  buckets.resize(to + 1);
}

/// Differences this small come from floating-point arithmetic, not from observations.
bool AlmostEqual(double a, double b) {
  constexpr double kTolerance = 1e-12;
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  if (std::isnan(a) && std::isnan(b)) return true;
  if (a == b) return true;
  const double sum = std::fabs(a) + std::fabs(b), diff = std::fabs(a - b);
  if (a == 0 || b == 0 || sum < kMinNormal) return diff < kTolerance * kMinNormal;
  return diff / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

MonotonicityFix MakeMonotonic(std::vector<ClassicBucket>& buckets) {
  MonotonicityFix fix{false, kInf, -kInf, 0};
  double prev = buckets[0].count;
  for (std::size_t i = 1; i < buckets.size(); ++i) {
    const double current = buckets[i].count;
    if (current == prev) continue;
    if (AlmostEqual(prev, current)) {
      buckets[i].count = prev;
    } else if (current < prev) {
      buckets[i].count = prev;
      fix.forced = true;
      fix.min_bucket = std::min(fix.min_bucket, buckets[i].upper);
      fix.max_bucket = std::max(fix.max_bucket, buckets[i].upper);
      fix.max_diff = std::max(fix.max_diff, prev - current);
    } else {
      prev = current;
    }
  }
  return fix;
}

}  // namespace

double ClassicQuantile(double q, std::vector<ClassicBucket>& buckets, MonotonicityFix& fix) {
  if (std::isnan(q)) return kNan;
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  if (buckets.back().upper != kInf) return kNan;
  MergeEqualBounds(buckets);
  fix = MakeMonotonic(buckets);
  if (buckets.size() < 2) return kNan;
  const double observations = buckets.back().count;
  if (observations == 0) return kNan;
  double rank = q * observations;
  // The +Inf bucket is what remains when no other has enough.
  const auto b = static_cast<std::size_t>(
      std::partition_point(buckets.begin(), buckets.end() - 1,
                           [&](const ClassicBucket& x) { return !(x.count >= rank); }) -
      buckets.begin());
  if (b == buckets.size() - 1) return buckets[buckets.size() - 2].upper;
  if (b == 0 && buckets[0].upper <= 0) return buckets[0].upper;
  double start = 0, count = buckets[b].count;
  if (b > 0) {
    start = buckets[b - 1].upper;
    count -= buckets[b - 1].count;
    rank -= buckets[b - 1].count;
  }
  return start + (buckets[b].upper - start) * (rank / count);
}

double ClassicFraction(double lower, double upper, std::vector<ClassicBucket>& buckets) {
  if (buckets.back().upper != kInf) return kNan;
  MergeEqualBounds(buckets);
  const double count = buckets.back().count;
  if (count == 0 || std::isnan(lower) || std::isnan(upper)) return kNan;
  if (lower >= upper) return 0;
  double rank = 0, lower_rank = 0, upper_rank = 0;
  bool lower_set = false, upper_set = false;
  double bucket_lower = buckets[0].upper <= 0 ? -kInf : 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const ClassicBucket& b = buckets[i];
    if (i > 0) bucket_lower = buckets[i - 1].upper;
    const auto rank_at = [&](double v) {
      // Nothing is known inside an infinite bucket; its observations count as a whole.
      if (bucket_lower == -kInf) return b.count;
      return rank + (b.count - rank) * (v - bucket_lower) / (b.upper - bucket_lower);
    };
    if (!lower_set && bucket_lower >= lower) {
      lower_rank = rank;
      lower_set = true;
    }
    if (!upper_set && bucket_lower >= upper) {
      upper_rank = rank;
      upper_set = true;
    }
    if (lower_set && upper_set) break;
    if (!lower_set && bucket_lower < lower && b.upper > lower) {
      lower_rank = rank_at(lower);
      lower_set = true;
    }
    if (!upper_set && bucket_lower < upper && b.upper > upper) {
      upper_rank = rank_at(upper);
      upper_set = true;
    }
    if (lower_set && upper_set) break;
    rank = b.count;
  }
  if (!lower_set || lower_rank > count) lower_rank = count;
  if (!upper_set || upper_rank > count) upper_rank = count;
  return (upper_rank - lower_rank) / count;
}

}  // namespace narthex::promql
