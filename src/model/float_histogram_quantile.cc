// SPDX-License-Identifier: Apache-2.0
//
// Quantiles, fractions and variance of native histograms.
#include <algorithm>
#include <cmath>
#include <limits>

#include "narthex/base/go_math.h"
#include "narthex/model/float_histogram.h"

namespace narthex::model {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// With only positive buckets the zero bucket starts at 0; with only negative ones it ends there.
void ClipZeroBucket(const FloatHistogram& h, Bucket& b) {
  if (h.negative_buckets.empty() && !h.positive_buckets.empty()) {
    b.lower = 0;
  } else if (h.positive_buckets.empty() && !h.negative_buckets.empty()) {
    b.upper = 0;
  }
}

double InterpolateQuantile(const FloatHistogram& h, const Bucket& b, double fraction) {
  if (UsesCustomBuckets(h) || (b.lower <= 0 && b.upper >= 0)) {
    return b.lower + (b.upper - b.lower) * fraction;
  }
  const double log_lower = go::Log2(std::fabs(b.lower));
  const double log_upper = go::Log2(std::fabs(b.upper));
  if (b.lower > 0) return go::Exp2(log_lower + (log_upper - log_lower) * fraction);
  return -go::Exp2(log_upper + (log_lower - log_upper) * (1 - fraction));
}

}  // namespace

double Quantile(double q, const FloatHistogram& h, std::vector<Bucket>& scratch, NanNote& note) {
  note = NanNote::kNone;
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  if (h.count == 0 || std::isnan(q)) return kNan;

  AllBuckets(h, scratch);
  const bool has_nan = std::isnan(h.sum);
  const bool forward = has_nan || q < 0.5;
  if (!forward) std::reverse(scratch.begin(), scratch.end());
  double rank = forward ? q * h.count : (1 - q) * h.count;

  Bucket bucket;
  double count = 0;
  std::size_t i = 0;
  while (i < scratch.size()) {
    bucket = scratch[i++];
    if (bucket.count == 0) continue;
    count += bucket.count;
    if (count >= rank) break;
  }
  if (UsesCustomBuckets(h)) {
    if (bucket.lower == -kInf) {
      if (bucket.upper <= 0) return bucket.upper;
      bucket.lower = 0;
    } else if (bucket.upper == kInf) {
      return bucket.lower;
    }
  } else if (bucket.lower < 0 && bucket.upper > 0) {
    ClipZeroBucket(h, bucket);
  }
  // Rounding can make the buckets hold more than the count.
  count = std::min(count, h.count);
  if (count < rank) {
    if (!has_nan) return bucket.upper;
    note = NanNote::kResultIsNan;
    return kNan;
  }
  rank = forward ? rank - (count - bucket.count) : count - rank;
  if (has_nan) {
    double total = count;
    for (; i < scratch.size(); ++i) {
      // The rank is then laid into the last bucket: Prometheus's answer, not the one to expect.
      bucket = scratch[i];
      total += bucket.count;
    }
    if (total < h.count) note = NanNote::kSkewed;
  }
  return InterpolateQuantile(h, bucket, rank / bucket.count);
}

double Fraction(double lower, double upper, const FloatHistogram& h, std::vector<Bucket>& scratch,
                NanNote& note) {
  note = NanNote::kNone;
  if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return kNan;
  if (lower >= upper) return 0;

  AllBuckets(h, scratch);
  double count = 0, rank = 0, lower_rank = 0, upper_rank = 0;
  bool lower_set = false, upper_set = false;
  std::size_t i = 0;
  while (i < scratch.size()) {
    Bucket b = scratch[i++];
    count += b.count;
    const bool zero_bucket = b.lower <= 0 && b.upper >= 0;
    if (zero_bucket) ClipZeroBucket(h, b);
    const auto rank_at = [&](double v) {
      const bool linear = UsesCustomBuckets(h) || zero_bucket;
      // Nothing is known inside an infinite bucket; its observations count as a whole.
      if (linear && b.lower == -kInf) return b.count;
      return rank + b.count * FractionBelow(b, v, linear);
    };
    if (!lower_set && b.lower >= lower) {
      lower_rank = rank;
      lower_set = true;
    }
    if (!upper_set && b.lower >= upper) {
      upper_rank = rank;
      upper_set = true;
    }
    if (lower_set && upper_set) break;
    if (!lower_set && b.lower < lower && b.upper > lower) {
      lower_rank = rank_at(lower);
      lower_set = true;
    }
    if (!upper_set && b.lower < upper && b.upper > upper) {
      upper_rank = rank_at(upper);
      upper_set = true;
    }
    if (lower_set && upper_set) break;
    rank += b.count;
  }
  if (std::isnan(h.sum)) {
    for (; i < scratch.size(); ++i) count += scratch[i].count;
    if (count < h.count) note = NanNote::kSkewed;
  } else {
    count = h.count;
  }
  if (!lower_set || lower_rank > count) lower_rank = count;
  if (!upper_set || upper_rank > count) upper_rank = count;
  return (upper_rank - lower_rank) / h.count;
}

double Variance(const FloatHistogram& h, std::vector<Bucket>& scratch) {
  AllBuckets(h, scratch);
  const double mean = h.sum / h.count;
  double variance = 0, compensation = 0;
  for (const Bucket& b : scratch) {
    if (b.count == 0) continue;
    double value = 0;
    if (UsesCustomBuckets(h)) {
      value = (b.upper + b.lower) / 2.0;
    } else if (b.lower <= 0 && b.upper >= 0) {
      value = 0;
    } else {
      value = std::sqrt(b.upper * b.lower);
      if (b.upper < 0) value = -value;
    }
    const double delta = value - mean;
    const double x = b.count * delta * delta;
    const double t = variance + x;
    if (std::isinf(t)) {
      compensation = 0;
    } else if (std::fabs(variance) >= std::fabs(x)) {
      compensation += (variance - t) + x;
    } else {
      compensation += (x - t) + variance;
    }
    variance = t;
  }
  variance += compensation;
  return variance / h.count;
}

}  // namespace narthex::model
