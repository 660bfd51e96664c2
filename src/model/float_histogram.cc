// SPDX-License-Identifier: Apache-2.0
//
// Native histograms: walking buckets, scaling, comparing, printing.
#include "narthex/model/float_histogram.h"

#include <bit>
#include <cmath>
#include <limits>

#include "narthex/base/go_format.h"
#include "narthex/base/go_math.h"

namespace narthex::model {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

bool SameBits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool SameBuckets(const std::vector<Span>& spans_a, const std::vector<double>& a,
                 const std::vector<Span>& spans_b, const std::vector<double>& b) {
  if (a.size() != b.size()) return false;
  BucketCursor ca(spans_a, a), cb(spans_b, b);
  while (ca.Next() && cb.Next()) {
    if (ca.index() != cb.index() || !SameBits(ca.count(), cb.count())) return false;
  }
  return true;
}

double CustomBound(const FloatHistogram& h, std::int32_t index) {
  if (index < 0) return -kInf;
  const auto i = static_cast<std::size_t>(index);
  return i < h.custom_values.size() ? h.custom_values[i] : kInf;
}

/// Appends buckets; where one begins with the bound at which another ended, that is not printed
/// anew.
class BucketPrinter {
 public:
  explicit BucketPrinter(std::string& out) : out_(out) {}

  void Append(const Bucket& b) {
    out_ += ", ";
    out_ += b.lower_inclusive ? '[' : '(';
    if (bound_text_.empty() || !SameBits(b.lower, bound_)) bound_text_ = go::FormatFloatG(b.lower);
    out_ += bound_text_;
    out_ += ',';
    bound_ = b.upper;
    bound_text_ = go::FormatFloatG(b.upper);
    out_ += bound_text_;
    out_ += b.upper_inclusive ? ']' : ')';
    out_ += ':';
    out_ += go::FormatFloatG(b.count);
  }

 private:
  std::string& out_;
  double bound_ = 0;
  std::string bound_text_;  // Of bound_, where the bucket before ended.
};

}  // namespace

bool BucketCursor::Next() {
  if (position_ >= counts_.size()) return false;
  while (span_ < spans_.size() && in_span_ == spans_[span_].length) {
    // A span of length 0 only shifts the next one.
    if (in_span_ == 0) index_ += spans_[span_].offset;
    ++span_;
    in_span_ = 0;
  }
  if (span_ == spans_.size()) return false;
  const bool first_of_all = position_ == 0;
  index_ += in_span_ != 0 ? 1 : spans_[span_].offset + (first_of_all ? 0 : 1);
  ++in_span_;
  ++position_;
  return true;
}

Bucket BucketAt(const FloatHistogram& h, bool positive, std::int32_t index, double count) {
  Bucket b;
  b.index = index;
  b.count = count;
  if (UsesCustomBuckets(h)) {
    b.lower = CustomBound(h, index - 1);
    b.upper = CustomBound(h, index);
    b.lower_inclusive = index == 0;
    b.upper_inclusive = true;
    return b;
  }
  b.upper = ExponentialBound(index, h.schema);
  b.lower = ExponentialBound(index - 1, h.schema);
  if (!positive) {
    std::swap(b.lower, b.upper);
    b.lower = -b.lower;
    b.upper = -b.upper;
  }
  b.lower_inclusive = b.lower < 0;
  b.upper_inclusive = b.upper > 0;
  return b;
}

Bucket ZeroBucket(const FloatHistogram& h) {
  return {-h.zero_threshold, h.zero_threshold, h.zero_count, 0, true, true};
}

void AllBuckets(const FloatHistogram& h, std::vector<Bucket>& out) {
  out.clear();
  BucketCursor negative(h.negative_spans, h.negative_buckets);
  while (negative.Next()) {
    Bucket b = BucketAt(h, false, negative.index(), negative.count());
    if (b.upper < 0 && b.upper > -h.zero_threshold) b.upper = -h.zero_threshold;
    out.push_back(b);
  }
  std::reverse(out.begin(), out.end());
  if (h.zero_count > 0) out.push_back(ZeroBucket(h));
  BucketCursor positive(h.positive_spans, h.positive_buckets);
  while (positive.Next()) {
    Bucket b = BucketAt(h, true, positive.index(), positive.count());
    if (b.lower > 0 && b.lower < h.zero_threshold) b.lower = h.zero_threshold;
    out.push_back(b);
  }
}

double FractionBelow(const Bucket& b, double v, bool linear) {
  if (linear) return (v - b.lower) / (b.upper - b.lower);
  const double log_lower = go::Log2(std::fabs(b.lower));
  const double log_upper = go::Log2(std::fabs(b.upper));
  const double log_v = go::Log2(std::fabs(v));
  if (v > 0) return (log_v - log_lower) / (log_upper - log_lower);
  return 1 - ((log_v - log_upper) / (log_lower - log_upper));
}

void Multiply(FloatHistogram& h, double factor) {
  h.zero_count *= factor;
  h.count *= factor;
  h.sum *= factor;
  for (double& c : h.positive_buckets) c *= factor;
  for (double& c : h.negative_buckets) c *= factor;
  if (factor < 0) h.counter_reset_hint = CounterResetHint::kGauge;
}

void Divide(FloatHistogram& h, double divisor) {
  h.zero_count /= divisor;
  h.count /= divisor;
  h.sum /= divisor;
  if (divisor == 0) {
    h.positive_spans.clear();
    h.negative_spans.clear();
    h.positive_buckets.clear();
    h.negative_buckets.clear();
    return;
  }
  for (double& c : h.positive_buckets) c /= divisor;
  for (double& c : h.negative_buckets) c /= divisor;
  if (divisor < 0) h.counter_reset_hint = CounterResetHint::kGauge;
}

bool CombineResetHint(CounterResetHint& hint, CounterResetHint other) {
  if (hint == other || hint == CounterResetHint::kGauge) return false;
  if (other == CounterResetHint::kGauge) {
    hint = CounterResetHint::kGauge;
    return false;
  }
  const bool collision = hint != CounterResetHint::kUnknown && other != CounterResetHint::kUnknown;
  hint = CounterResetHint::kUnknown;
  return collision;
}

bool SameHistogram(const FloatHistogram& a, const FloatHistogram& b) {
  if (a.schema != b.schema || !SameBits(a.count, b.count) || !SameBits(a.sum, b.sum)) return false;
  if (UsesCustomBuckets(a) && a.custom_values != b.custom_values) return false;
  if (a.zero_threshold != b.zero_threshold || !SameBits(a.zero_count, b.zero_count)) return false;
  return SameBuckets(a.positive_spans, a.positive_buckets, b.positive_spans, b.positive_buckets) &&
         SameBuckets(a.negative_spans, a.negative_buckets, b.negative_spans, b.negative_buckets);
}

bool HasOverflow(const FloatHistogram& h) {
  const auto any_infinite = [](const std::vector<double>& values) {
    for (const double v : values) {
      if (std::isinf(v)) return true;
    }
    return false;
  };
  return std::isinf(h.zero_count) || std::isinf(h.count) || std::isinf(h.sum) ||
         any_infinite(h.positive_buckets) || any_infinite(h.negative_buckets) ||
         any_infinite(h.custom_values);
}

std::int64_t SampleWeight(const FloatHistogram& h) {
  // Prometheus's accounting: its struct, its spans and its buckets in bytes, 8 for the timestamp.
  const std::size_t elements = h.positive_spans.size() + h.negative_spans.size() +
                               h.positive_buckets.size() + h.negative_buckets.size() +
                               h.custom_values.size();
  return static_cast<std::int64_t>((168 + 8 * elements + 8) / 16);
}

std::string ToString(const FloatHistogram& h) {
  std::string out = "{count:" + go::FormatFloatG(h.count) + ", sum:" + go::FormatFloatG(h.sum);
  BucketPrinter printer(out);
  std::vector<Bucket> negative;
  for (BucketCursor c(h.negative_spans, h.negative_buckets); c.Next();) {
    if (c.count() != 0) negative.push_back(BucketAt(h, false, c.index(), c.count()));
  }
  for (auto it = negative.rbegin(); it != negative.rend(); ++it) printer.Append(*it);
  if (h.zero_count != 0) printer.Append(ZeroBucket(h));
  for (BucketCursor c(h.positive_spans, h.positive_buckets); c.Next();) {
    if (c.count() != 0) printer.Append(BucketAt(h, true, c.index(), c.count()));
  }
  out += '}';
  return out;
}

}  // namespace narthex::model
