// SPDX-License-Identifier: Apache-2.0
//
// Counter resets of native histograms.
#include <algorithm>
#include <cmath>

#include "narthex/model/float_histogram.h"
#include "src/model/float_histogram_lists.h"

namespace narthex::model {
namespace {

bool AnyDecrease(const BucketList& current, const BucketList& previous) {
  std::size_t i = 0;
  for (const IndexedCount& p : previous) {
    while (i < current.size() && current[i].index < p.index) ++i;
    const double now = i < current.size() && current[i].index == p.index ? current[i].count : 0;
    // A bucket that is gone is a reset only if something was in it.
    const bool present = i < current.size() && current[i].index == p.index;
    if (present ? now < p.count : p.count != 0) return true;
  }
  return false;
}

/// Counts of both rolled up to the bounds that they share, +Inf among them.
bool AnyDecreaseOverCommonBounds(const FloatHistogram& current, const FloatHistogram& previous) {
  std::vector<double> common;
  std::set_intersection(current.custom_values.begin(), current.custom_values.end(),
                        previous.custom_values.begin(), previous.custom_values.end(),
                        std::back_inserter(common));
  const auto roll_up = [&](const FloatHistogram& h) {
    std::vector<double> sums(common.size() + 1, 0.0);
    for (BucketCursor c(h.positive_spans, h.positive_buckets); c.Next();) {
      const double upper = BucketAt(h, true, c.index(), 0).upper;
      const auto at = std::lower_bound(common.begin(), common.end(), upper) - common.begin();
      sums[at] += c.count();
    }
    return sums;
  };
  const std::vector<double> now = roll_up(current), before = roll_up(previous);
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (now[i] < before[i]) return true;
  }
  return false;
}

struct Widened {
  bool cuts_populated_bucket = false;
  double zero_count = 0;
};

/// The previous histogram's zero count under the current, larger threshold.
Widened WidenZeroBucket(const FloatHistogram& h, double threshold) {
  Widened result{false, h.zero_count};
  if (threshold == h.zero_threshold) return result;
  for (const bool positive : {true, false}) {
    const auto& spans = positive ? h.positive_spans : h.negative_spans;
    const auto& counts = positive ? h.positive_buckets : h.negative_buckets;
    for (BucketCursor c(spans, counts); c.Next();) {
      if (ExponentialBound(c.index() - 1, h.schema) >= threshold) break;
      result.zero_count += c.count();
      if (ExponentialBound(c.index(), h.schema) > threshold) {
        if (c.count() != 0) result.cuts_populated_bucket = true;
        break;
      }
    }
  }
  return result;
}

BucketList OutsideZeroBucket(const FloatHistogram& h, bool positive, std::int32_t schema,
                             double zero_threshold) {
  BucketList list = positive ? UnpackBuckets(h.positive_spans, h.positive_buckets)
                             : UnpackBuckets(h.negative_spans, h.negative_buckets);
  if (UsesCustomBuckets(h)) return list;
  if (schema < h.schema) MergeToCoarser(list, h.schema - schema);
  std::erase_if(list, [&](const IndexedCount& b) {
    return ExponentialBound(b.index, schema) <= zero_threshold;
  });
  return list;
}

}  // namespace

bool DetectReset(const FloatHistogram& current, const FloatHistogram& previous) {
  if (current.counter_reset_hint == CounterResetHint::kReset) return true;
  if (current.counter_reset_hint == CounterResetHint::kNotReset) return false;
  if (current.count < previous.count) return true;
  if (UsesCustomBuckets(current)) {
    if (!UsesCustomBuckets(previous)) return true;
    if (current.custom_values != previous.custom_values) {
      return AnyDecreaseOverCommonBounds(current, previous);
    }
  }
  if (current.schema > previous.schema) return true;
  if (current.schema != previous.schema && UsesCustomBuckets(previous)) return true;
  if (current.zero_threshold < previous.zero_threshold) return true;
  const Widened zero = WidenZeroBucket(previous, current.zero_threshold);
  if (zero.cuts_populated_bucket || current.zero_count < zero.zero_count) return true;
  for (const bool positive : {true, false}) {
    const auto list = [&](const FloatHistogram& h) {
      return OutsideZeroBucket(h, positive, current.schema, current.zero_threshold);
    };
    if (AnyDecrease(list(current), list(previous))) return true;
  }
  return false;
}

}  // namespace narthex::model
