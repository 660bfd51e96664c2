// SPDX-License-Identifier: Apache-2.0
//
// Addition and subtraction of native histograms, plain and Kahan-compensated. Equal layouts are
// added in place; others go through lists of (index, count) that are merged and packed again.
#include <algorithm>
#include <cmath>
#include <limits>

#include "narthex/model/float_histogram.h"
#include "src/model/float_histogram_lists.h"

namespace narthex::model {
namespace {

void KahanAdd(double x, double& sum, double& compensation) {
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

/// Adds with compensation when there is one.
void AddTo(double x, double& sum, double* compensation) {
  if (compensation == nullptr) {
    sum += x;
  } else {
    KahanAdd(x, sum, *compensation);
  }
}

/// One side of a sum: its buckets and, when compensated, the compensations in the same layout.
struct Side {
  std::vector<Span>& spans;
  std::vector<double>& counts;
  std::vector<Span>* c_spans;
  std::vector<double>* c_counts;
};

Side SideOf(FloatHistogram& h, FloatHistogram* c, bool positive) {
  if (positive) {
    return {h.positive_spans, h.positive_buckets, c ? &c->positive_spans : nullptr,
            c ? &c->positive_buckets : nullptr};
  }
  return {h.negative_spans, h.negative_buckets, c ? &c->negative_spans : nullptr,
          c ? &c->negative_buckets : nullptr};
}

BucketList Unpack(const Side& side) {
  BucketList list = UnpackBuckets(side.spans, side.counts);
  if (side.c_counts != nullptr) {
    for (std::size_t i = 0; i < list.size(); ++i) list[i].compensation = (*side.c_counts)[i];
  }
  return list;
}

void Pack(const BucketList& list, const Side& side) {
  PackBuckets(list, side.spans, side.counts);
  if (side.c_counts == nullptr) return;
  *side.c_spans = side.spans;
  side.c_counts->clear();
  for (const IndexedCount& b : list) side.c_counts->push_back(b.compensation);
}

/// MergeToCoarser with compensations.
void KahanMergeToCoarser(BucketList& list, int shift) {
  BucketList merged;
  merged.reserve(list.size());
  for (const IndexedCount& b : list) {
    const std::int32_t index = CoarserIndex(b.index, shift);
    if (merged.empty() || merged.back().index != index) {
      merged.push_back({index, b.count, b.compensation});
      continue;
    }
    IndexedCount& to = merged.back();
    KahanAdd(b.count, to.count, to.compensation);
    KahanAdd(b.compensation, to.count, to.compensation);
  }
  list = std::move(merged);
}

/// Where the other's buckets are skipped: inside of the reconciled zero bucket, whose count has
/// them already.
struct ZeroLimit {
  bool used;
  std::int32_t schema;
  double threshold;

  bool Covers(std::int32_t index) const {
    return used && ExponentialBound(index, schema) <= threshold;
  }
};

void AddSide(const Side& side, const std::vector<Span>& other_spans,
             const std::vector<double>& other_counts, int shift, double sign, ZeroLimit zero) {
  if (other_counts.empty()) return;
  BucketCursor first(other_spans, other_counts);
  const bool covered = first.Next() && zero.Covers(first.index());
  if (shift == 0 && side.spans == other_spans && !covered) {
    for (std::size_t i = 0; i < side.counts.size(); ++i) {
      AddTo(sign * other_counts[i], side.counts[i], side.c_counts ? &(*side.c_counts)[i] : nullptr);
    }
    return;
  }
  BucketList other = UnpackBuckets(other_spans, other_counts);
  const bool compensated = side.c_counts != nullptr;
  if (shift > 0 && compensated) KahanMergeToCoarser(other, shift);
  if (shift > 0 && !compensated) MergeToCoarser(other, shift);
  std::erase_if(other, [&](const IndexedCount& b) { return zero.Covers(b.index); });
  const BucketList mine = Unpack(side);
  BucketList merged;
  merged.reserve(mine.size() + other.size());
  std::size_t i = 0, j = 0;
  while (i < mine.size() || j < other.size()) {
    if (j == other.size() || (i < mine.size() && mine[i].index < other[j].index)) {
      merged.push_back(mine[i++]);
    } else if (i == mine.size() || other[j].index < mine[i].index) {
      merged.push_back({other[j].index, sign * other[j].count, sign * other[j].compensation});
      ++j;
    } else {
      merged.push_back(mine[i++]);
      IndexedCount& to = merged.back();
      AddTo(sign * other[j].count, to.count, compensated ? &to.compensation : nullptr);
      if (compensated) AddTo(sign * other[j].compensation, to.count, &to.compensation);
      ++j;
    }
  }
  Pack(merged, side);
}

struct ZeroCount {
  double count;
  double compensation;
  double threshold;
};

/// What the zero bucket would hold if its threshold grew to `threshold`; a populated bucket that
/// the new threshold cuts makes it grow further, to that bucket's outer bound.
ZeroCount ZeroCountForLarger(const FloatHistogram& h, const FloatHistogram* c, double threshold) {
  double compensation = c ? c->zero_count : 0;
  while (true) {
    ZeroCount zero{h.zero_count, compensation, threshold};
    const auto add = [&](double count, const std::vector<double>* compensations, std::size_t i) {
      KahanAdd(count, zero.count, zero.compensation);
      if (compensations) KahanAdd((*compensations)[i], zero.count, zero.compensation);
    };
    for (BucketCursor b(h.positive_spans, h.positive_buckets); b.Next();) {
      const Bucket bucket = BucketAt(h, true, b.index(), b.count());
      if (bucket.lower >= zero.threshold) break;
      add(bucket.count, c ? &c->positive_buckets : nullptr, b.position());
      if (bucket.upper > zero.threshold) {
        if (bucket.count != 0) zero.threshold = bucket.upper;
        break;
      }
    }
    bool grew = false;
    for (BucketCursor b(h.negative_spans, h.negative_buckets); b.Next();) {
      const Bucket bucket = BucketAt(h, false, b.index(), b.count());
      if (bucket.upper <= -zero.threshold) break;
      add(bucket.count, c ? &c->negative_buckets : nullptr, b.position());
      if (bucket.lower < -zero.threshold) {
        // The positive side has to be looked at again with the larger threshold.
        if (bucket.count != 0) {
          threshold = -bucket.lower;
          grew = true;
        }
        break;
      }
    }
    if (!grew) return zero;
    compensation = zero.compensation;  // As Prometheus, which begins anew with the count alone.
  }
}

void DropBucketsInZeroBucket(FloatHistogram& h, FloatHistogram* c) {
  for (const bool positive : {true, false}) {
    const Side side = SideOf(h, c, positive);
    BucketList list = Unpack(side);
    std::erase_if(list, [&](const IndexedCount& b) {
      return ExponentialBound(b.index - 1, h.schema) < h.zero_threshold;
    });
    Pack(list, side);
  }
}

/// Makes the zero threshold of h large enough for both. @return other's zero count under it
ZeroCount ReconcileZeroBuckets(FloatHistogram& h, FloatHistogram* c, const FloatHistogram& other) {
  ZeroCount theirs{other.zero_count, 0, other.zero_threshold};
  // A NaN threshold would never become equal; leave such histograms as they are.
  if (std::isnan(h.zero_threshold) || std::isnan(other.zero_threshold)) return theirs;
  while (theirs.threshold != h.zero_threshold) {
    if (h.zero_threshold > theirs.threshold) {
      theirs = ZeroCountForLarger(other, nullptr, h.zero_threshold);
    }
    if (theirs.threshold > h.zero_threshold) {
      const ZeroCount mine = ZeroCountForLarger(h, c, theirs.threshold);
      h.zero_count = mine.count;
      h.zero_threshold = mine.threshold;
      if (c != nullptr) c->zero_count = mine.compensation;
      DropBucketsInZeroBucket(h, c);
    }
  }
  return theirs;
}

/// Moves buckets of custom bounds `from` into those of `to`, a subset of them.
void MapToBounds(BucketList& list, const std::vector<double>& from, const std::vector<double>& to) {
  BucketList mapped;
  for (const IndexedCount& b : list) {
    const auto i = static_cast<std::size_t>(b.index);
    std::size_t target = to.size();
    if (i < from.size()) {
      target = static_cast<std::size_t>(
          std::distance(to.begin(), std::lower_bound(to.begin(), to.end(), from[i])));
    }
    const auto index = static_cast<std::int32_t>(target);
    if (mapped.empty() || mapped.back().index != index) mapped.push_back({index, 0, 0});
    KahanAdd(b.count, mapped.back().count, mapped.back().compensation);
    mapped.back().compensation += b.compensation;
  }
  list = std::move(mapped);
}

void AddWithOtherBounds(FloatHistogram& h, FloatHistogram* c, const FloatHistogram& other,
                        double sign) {
  std::vector<double> common;
  std::set_intersection(h.custom_values.begin(), h.custom_values.end(), other.custom_values.begin(),
                        other.custom_values.end(), std::back_inserter(common));
  const Side side = SideOf(h, c, true);
  BucketList mine = Unpack(side);
  BucketList theirs = UnpackBuckets(other.positive_spans, other.positive_buckets);
  MapToBounds(mine, h.custom_values, common);
  MapToBounds(theirs, other.custom_values, common);
  BucketList sum;
  for (std::size_t i = 0; i <= common.size(); ++i) sum.push_back({static_cast<std::int32_t>(i)});
  for (const IndexedCount& b : mine) sum[b.index] = b;
  for (const IndexedCount& b : theirs) {
    IndexedCount& to = sum[b.index];
    KahanAdd(sign * b.count, to.count, to.compensation);
    KahanAdd(sign * b.compensation, to.count, to.compensation);
  }
  if (c == nullptr) {
    for (IndexedCount& b : sum) b.count += b.compensation;
  }
  Pack(sum, side);
  h.custom_values = common;
  if (c != nullptr) c->custom_values = std::move(common);
}

void KahanReduceResolution(FloatHistogram& h, FloatHistogram& c, std::int32_t schema) {
  for (const bool positive : {true, false}) {
    const Side side = SideOf(h, &c, positive);
    BucketList list = Unpack(side);
    KahanMergeToCoarser(list, h.schema - schema);
    Pack(list, side);
  }
  h.schema = c.schema = schema;
}

AddOutcome Combine(FloatHistogram& h, FloatHistogram* c, const FloatHistogram& other, double sign) {
  AddOutcome outcome;
  if (UsesCustomBuckets(h) != UsesCustomBuckets(other)) {
    outcome.compatible = false;
    return outcome;
  }
  outcome.reset_collision = CombineResetHint(h.counter_reset_hint, other.counter_reset_hint);
  if (!UsesCustomBuckets(h)) {
    const ZeroCount zero = ReconcileZeroBuckets(h, c, other);
    AddTo(sign * zero.count, h.zero_count, c ? &c->zero_count : nullptr);
    // Without compensations what was lost is left out, as by Prometheus.
    if (c != nullptr) AddTo(sign * zero.compensation, h.zero_count, &c->zero_count);
  }
  AddTo(sign * other.count, h.count, c ? &c->count : nullptr);
  AddTo(sign * other.sum, h.sum, c ? &c->sum : nullptr);
  if (UsesCustomBuckets(h) && h.custom_values != other.custom_values) {
    outcome.bounds_reconciled = true;
    AddWithOtherBounds(h, c, other, sign);
    return outcome;
  }
  if (other.schema < h.schema && c == nullptr) ReduceResolution(h, other.schema);
  if (other.schema < h.schema && c != nullptr) KahanReduceResolution(h, *c, other.schema);
  const int shift = other.schema - h.schema;
  const ZeroLimit zero{!UsesCustomBuckets(h), h.schema, h.zero_threshold};
  AddSide(SideOf(h, c, true), other.positive_spans, other.positive_buckets, shift, sign, zero);
  AddSide(SideOf(h, c, false), other.negative_spans, other.negative_buckets, shift, sign, zero);
  return outcome;
}

}  // namespace

AddOutcome Add(FloatHistogram& h, const FloatHistogram& other) {
  return Combine(h, nullptr, other, 1);
}

AddOutcome Subtract(FloatHistogram& h, const FloatHistogram& other) {
  return Combine(h, nullptr, other, -1);
}

HistogramSum::HistogramSum(FloatHistogram first) : sum_(std::move(first)), compensation_(sum_) {
  compensation_.zero_count = compensation_.count = compensation_.sum = 0;
  std::fill(compensation_.positive_buckets.begin(), compensation_.positive_buckets.end(), 0.0);
  std::fill(compensation_.negative_buckets.begin(), compensation_.negative_buckets.end(), 0.0);
}

AddOutcome HistogramSum::Add(const FloatHistogram& other) {
  return Combine(sum_, &compensation_, other, 1);
}

FloatHistogram HistogramSum::Total() const {
  FloatHistogram total = sum_;
  total.zero_count += compensation_.zero_count;
  total.count += compensation_.count;
  total.sum += compensation_.sum;
  for (std::size_t i = 0; i < total.positive_buckets.size(); ++i) {
    total.positive_buckets[i] += compensation_.positive_buckets[i];
  }
  for (std::size_t i = 0; i < total.negative_buckets.size(); ++i) {
    total.negative_buckets[i] += compensation_.negative_buckets[i];
  }
  return total;
}

void HistogramSum::Multiply(double factor) {
  model::Multiply(sum_, factor);
  model::Multiply(compensation_, factor);
}

void HistogramSum::Divide(double divisor) {
  model::Divide(sum_, divisor);
  model::Divide(compensation_, divisor);
}

}  // namespace narthex::model
