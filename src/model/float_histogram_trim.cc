// SPDX-License-Identifier: Apache-2.0
//
// The trim operators: histogram </ limit and histogram >/ limit.
#include <cmath>
#include <limits>

#include "narthex/model/float_histogram.h"

namespace narthex::model {
namespace {

struct Kept {
  double count;
  double midpoint;  // Stands for the value of each kept observation.
};

double Midpoint(double lower, double upper, bool positive, bool linear) {
  if (std::isinf(lower)) {
    if (std::isinf(upper)) return 0;
    return upper > 0 ? upper / 2 : upper;
  }
  if (std::isinf(upper)) return lower;
  if (linear) return (lower + upper) / 2;
  const double mean = std::sqrt(std::fabs(lower * upper));
  return positive ? mean : -mean;
}

double ZeroIfInfinite(double v) { return std::isinf(v) ? 0 : v; }

/// First bucket of custom bounds, (-Inf, upper]: taken as starting at 0 when upper is positive.
Kept KeepOfFirst(const Bucket& b, double limit, TrimSide side) {
  const bool from_zero = b.upper > 0 && !std::isinf(b.upper);
  if (side == TrimSide::kUpper) {
    if (limit >= b.upper) return {b.count, 0};
    if (limit > 0 && from_zero) return {b.count * limit / b.upper, limit / 2};
    if (b.upper <= 0) return {b.count, limit};
    return {0, ZeroIfInfinite(b.upper)};
  }
  if (limit <= b.lower) return {b.count, 0};
  if (limit >= 0 && b.upper > limit && !std::isinf(b.upper)) {
    return {b.count * (1 - limit / b.upper), (limit + b.upper) / 2};
  }
  return {0, ZeroIfInfinite(b.upper)};
}

/// Last bucket, (lower, +Inf]: nothing is known inside it, so it goes or stays as a whole.
Kept KeepOfLast(const Bucket& b, double limit, TrimSide side) {
  if (side == TrimSide::kLower && limit >= b.lower) return {b.count, limit};
  return {0, ZeroIfInfinite(b.lower)};
}

/// A bucket that the limit cuts.
Kept KeepOfCut(const Bucket& b, double limit, TrimSide side, bool positive, bool linear) {
  if (std::isinf(b.lower) && b.lower < 0) return KeepOfFirst(b, limit, side);
  if (std::isinf(b.upper) && b.upper > 0) return KeepOfLast(b, limit, side);
  double below = 0;
  if (limit >= b.upper) {
    below = b.count;
  } else if (limit > b.lower) {
    below = b.count * FractionBelow(b, limit, linear);
  }
  if (side == TrimSide::kUpper) return {below, Midpoint(b.lower, limit, positive, linear)};
  return {b.count - below, Midpoint(limit, b.upper, positive, linear)};
}

Kept KeepOfZero(const Bucket& b, double limit, TrimSide side, bool has_negative,
                bool has_positive) {
  const double lower = has_positive && !has_negative ? 0 : b.lower;
  const double upper = has_negative && !has_positive ? 0 : b.upper;
  const Kept all{b.count, (lower + upper) / 2};
  const Kept none{0, 0};
  if (limit <= lower) return side == TrimSide::kUpper ? none : all;
  if (limit >= upper) return side == TrimSide::kUpper ? all : none;
  if (side == TrimSide::kUpper) {
    return {b.count * ((limit - lower) / (upper - lower)), (lower + limit) / 2};
  }
  return {b.count * ((upper - limit) / (upper - lower)), (limit + upper) / 2};
}

struct Totals {
  double count = 0;
  double sum = 0;
  bool trimmed = false;
};

/// @return whether the side has populated buckets
bool TrimBucketsOfSide(FloatHistogram& h, bool positive, double limit, TrimSide side,
                       Totals& totals) {
  const bool linear = UsesCustomBuckets(h);
  std::vector<double>& counts = positive ? h.positive_buckets : h.negative_buckets;
  bool populated = false;
  for (BucketCursor c(positive ? h.positive_spans : h.negative_spans, counts); c.Next();) {
    if (c.count() == 0) continue;
    populated = true;
    const Bucket b = BucketAt(h, positive, c.index(), c.count());
    const bool stays = side == TrimSide::kUpper ? b.upper <= limit : b.lower >= limit;
    const bool cut = side == TrimSide::kUpper ? b.lower < limit : b.upper > limit;
    Kept kept{0, 0};
    if (stays) {
      kept = {b.count, Midpoint(b.lower, b.upper, positive, linear)};
    } else if (cut) {
      kept = KeepOfCut(b, limit, side, positive, linear);
    }
    if (stays || cut) {
      totals.count += kept.count;
      totals.sum += kept.midpoint * kept.count;
    }
    if (kept.count != b.count) {
      counts[c.position()] = kept.count;
      totals.trimmed = true;
    }
  }
  return populated;
}

}  // namespace

void Trim(FloatHistogram& h, double limit, TrimSide side) {
  Totals totals;
  const bool has_positive = TrimBucketsOfSide(h, true, limit, side, totals);
  const bool has_negative = TrimBucketsOfSide(h, false, limit, side, totals);
  if (h.zero_count > 0) {
    const Kept kept = KeepOfZero(ZeroBucket(h), limit, side, has_negative, has_positive);
    if (kept.count != h.zero_count) {
      h.zero_count = kept.count;
      totals.trimmed = true;
    }
    totals.sum += kept.midpoint * kept.count;
    totals.count += kept.count;
  }
  if (!totals.trimmed) return;
  h.count = totals.count;
  h.sum = totals.sum;
  Compact(h);
}

}  // namespace narthex::model
