// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/histogram_check.h"

#include <cmath>
#include <limits>
#include <span>

#include "tsdb/chunkenc/histogram_limits.h"

namespace narthex::tsdb {
namespace {

constexpr std::int32_t kLeastSchema = -4;
constexpr std::int32_t kMostSchema = 8;

bool SpansFit(std::span<const model::Span> spans, std::size_t num_buckets) {
  std::size_t covered = 0;
  std::int64_t end = 0;  // Of the span: the index behind its last bucket.
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (i > 0 && spans[i].offset < 0) return false;
    const std::int64_t begin = end + spans[i].offset;
    end = begin + spans[i].length;
    if (begin < -kMaxHistogramIndex || end > kMaxHistogramIndex) return false;
    covered += spans[i].length;
  }
  return covered == num_buckets;
}

bool BoundsFit(std::span<const double> bounds, std::span<const model::Span> spans) {
  double last = -std::numeric_limits<double>::infinity();
  for (const double bound : bounds) {
    if (!(bound > last)) return false;
    last = bound;
  }
  if (last == std::numeric_limits<double>::infinity()) return false;
  std::size_t reach = 0;
  for (const auto& span : spans) {
    if (span.offset < 0) return false;
    reach += static_cast<std::size_t>(span.offset) + span.length;
  }
  return reach <= bounds.size() + 1;
}

template <typename H>
bool ShapeFits(const H& h) {
  if (h.positive_buckets.size() + h.negative_buckets.size() > kMaxHistogramBuckets ||
      h.positive_spans.size() + h.negative_spans.size() > kMaxHistogramSpans ||
      h.custom_values.size() > kMaxCustomBounds) {
    return false;
  }
  if (!SpansFit(h.positive_spans, h.positive_buckets.size())) return false;
  if (h.schema == model::kCustomBucketsSchema) {
    return BoundsFit(h.custom_values, h.positive_spans) && h.zero_count == 0 &&
           h.zero_threshold == 0 && h.negative_spans.empty() && h.negative_buckets.empty();
  }
  return h.schema >= kLeastSchema && h.schema <= kMostSchema && h.custom_values.empty() &&
         SpansFit(h.negative_spans, h.negative_buckets.size());
}

// The sum of delta-coded buckets. False when one is negative.
bool AddBuckets(std::span<const std::int64_t> deltas, std::uint64_t& sum) {
  std::int64_t count = 0;
  for (const std::int64_t delta : deltas) {
    if (__builtin_add_overflow(count, delta, &count) || count < 0) return false;
    sum += static_cast<std::uint64_t>(count);
  }
  return true;
}

bool NoneNegative(std::span<const double> buckets) {
  for (const double bucket : buckets) {
    if (bucket < 0) return false;
  }
  return true;
}

}  // namespace

bool IsValidHistogram(const model::Histogram& h) {
  std::uint64_t sum = h.zero_count;
  if (!ShapeFits(h) || !AddBuckets(h.positive_buckets, sum) ||
      !AddBuckets(h.negative_buckets, sum)) {
    return false;
  }
  // Observations of NaN are counted, but are in no bucket.
  return std::isnan(h.sum) ? sum <= h.count : sum == h.count;
}

bool IsValidHistogram(const model::FloatHistogram& h) {
  return ShapeFits(h) && h.zero_count >= 0 && h.count >= 0 && NoneNegative(h.positive_buckets) &&
         NoneNegative(h.negative_buckets);
}

}  // namespace narthex::tsdb
