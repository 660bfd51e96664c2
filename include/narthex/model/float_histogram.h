// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic on native histograms with float counts: bucket bounds, addition, scaling, resolution,
// reset detection, quantiles, trimming.
// Source: Prometheus model/histogram; https://prometheus.io/docs/specs/native_histograms/
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/histogram.h"

namespace narthex::model {

/// One bucket with its bounds; `index` is that of the bucket on its side (0 for the zero bucket).
struct Bucket {
  double lower = 0;
  double upper = 0;
  double count = 0;
  std::int32_t index = 0;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
};

/// Walks the buckets of one side in order of index, over spans, without unpacking them.
class BucketCursor {
 public:
  BucketCursor(std::span<const Span> spans, std::span<const double> counts)
      : spans_(spans), counts_(counts) {}
  bool Next();
  std::int32_t index() const { return index_; }
  double count() const { return counts_[position_ - 1]; }
  /// Which element of the counts array this is.
  std::size_t position() const { return position_ - 1; }

 private:
  std::span<const Span> spans_;
  std::span<const double> counts_;
  std::size_t span_ = 0;
  std::uint32_t in_span_ = 0;
  std::size_t position_ = 0;
  std::int32_t index_ = 0;
};

inline bool UsesCustomBuckets(const FloatHistogram& h) { return h.schema == kCustomBucketsSchema; }

/// Upper bound of the bucket in an exponential schema (-4…8): 2^(index·2^-schema); the last one is
/// the largest finite double.
double ExponentialBound(std::int32_t index, std::int32_t schema);

/// The bucket `index` of the positive (or negative) side.
Bucket BucketAt(const FloatHistogram& h, bool positive, std::int32_t index, double count);
Bucket ZeroBucket(const FloatHistogram& h);

/// All buckets in ascending order: negative, zero (when populated), positive. Buckets that overlap
/// the zero bucket are clipped to its threshold. Replaces the content of `out`.
void AllBuckets(const FloatHistogram& h, std::vector<Bucket>& out);

/// Share of the bucket's observations below v (which lies inside): linear, or on a log scale.
double FractionBelow(const Bucket& bucket, double v, bool linear);

/// Removes empty buckets and joins adjacent spans.
void Compact(FloatHistogram& h);

void Multiply(FloatHistogram& h, double factor);
/// Division by zero removes the buckets.
void Divide(FloatHistogram& h, double divisor);

struct AddOutcome {
  bool compatible = true;          // False: exponential and custom buckets; nothing was changed.
  bool reset_collision = false;    // One says "reset", the other "not reset".
  bool bounds_reconciled = false;  // Custom bounds differed and were cut to the common ones.
};

/// h += other and h -= other, after bringing both to the same schema, zero threshold or bounds.
AddOutcome Add(FloatHistogram& h, const FloatHistogram& other);
AddOutcome Subtract(FloatHistogram& h, const FloatHistogram& other);

/// A sum of histograms with a Kahan–Neumaier compensation for every number in it.
class HistogramSum {
 public:
  explicit HistogramSum(FloatHistogram first);
  AddOutcome Add(const FloatHistogram& other);
  /// Sum plus compensation.
  FloatHistogram Total() const;
  /// Scales sum and compensation.
  void Multiply(double factor);
  void Divide(double divisor);
  const FloatHistogram& sum() const { return sum_; }
  FloatHistogram& mutable_sum() { return sum_; }

 private:
  FloatHistogram sum_;
  FloatHistogram compensation_;  // Same layout as sum_.
};

/// Merges buckets down to a coarser exponential schema.
void ReduceResolution(FloatHistogram& h, std::int32_t target_schema);

/// The hint of the sum of two histograms. @return true when the two contradict each other
bool CombineResetHint(CounterResetHint& hint, CounterResetHint other);

/// Same bits in everything but the hint.
bool SameHistogram(const FloatHistogram& a, const FloatHistogram& b);

/// Whether a counter was reset between `previous` and `current`.
bool DetectReset(const FloatHistogram& current, const FloatHistogram& previous);

/// Any infinite number in it.
bool HasOverflow(const FloatHistogram& h);

/// Removes the observations above (upper) or below (lower) `limit`, in place.
enum class TrimSide : std::uint8_t { kUpper, kLower };
void Trim(FloatHistogram& h, double limit, TrimSide side);

/// What histogram_quantile and histogram_fraction have to say beside the number.
enum class NanNote : std::uint8_t { kNone, kResultIsNan, kSkewed };

/// Quantile with interpolation inside buckets. `scratch` is working memory.
double Quantile(double q, const FloatHistogram& h, std::vector<Bucket>& scratch, NanNote& note);
/// Share of observations between lower and upper.
double Fraction(double lower, double upper, const FloatHistogram& h, std::vector<Bucket>& scratch,
                NanNote& note);
/// Variance of the observations, estimated from bucket midpoints.
double Variance(const FloatHistogram& h, std::vector<Bucket>& scratch);

/// How many float samples the histogram counts for in query limits (histogram bytes / 16).
std::int64_t SampleWeight(const FloatHistogram& h);

/// {count:3, sum:4.5, (0.5,1]:2, (1,2]:1}
std::string ToString(const FloatHistogram& h);

}  // namespace narthex::model
