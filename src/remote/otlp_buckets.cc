// SPDX-License-Identifier: Apache-2.0
#include "src/remote/otlp_buckets.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "narthex/model/sample.h"

namespace narthex::remote {
namespace {

constexpr std::int32_t kCoarsestSchema = -4;
constexpr std::int32_t kFinestSchema = 8;
constexpr double kZeroThreshold = 1e-128;
// Up to so many empty buckets are stored rather than skipped by a new span.
constexpr std::int32_t kLargestFilledGap = 2;

// Indexes come from outside and wrap, as Go's integers do.
std::int32_t Sum(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}
std::int32_t Difference(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) - static_cast<std::uint32_t>(b));
}

/// Writes spans and differences, bucket after bucket.
class BucketWriter {
 public:
  BucketWriter(std::int32_t first, std::vector<model::Span>& spans,
               std::vector<std::int64_t>& deltas)
      : spans_(spans), deltas_(deltas) {
    spans_.push_back({.offset = first, .length = 0});
  }

  void Skip(std::int32_t gap) {
    if (gap > kLargestFilledGap) {
      spans_.push_back({.offset = gap, .length = 0});
      return;
    }
    for (; gap > 0; --gap) Add(0);
  }

  void Add(std::uint64_t count) {
    ++spans_.back().length;
    deltas_.push_back(static_cast<std::int64_t>(count - last_));
    last_ = count;
  }

 private:
  std::vector<model::Span>& spans_;
  std::vector<std::int64_t>& deltas_;
  std::uint64_t last_ = 0;
};

/// Dense counts from index `offset` on, each 2^shift of which become one bucket.
/// @param upper  buckets are named by their upper bounds, one more than by their lower ones
void WriteBuckets(std::span<const std::uint64_t> counts, std::int32_t offset, std::int32_t shift,
                  bool upper, std::vector<model::Span>& spans, std::vector<std::int64_t>& deltas) {
  if (counts.empty()) return;
  shift = std::min(shift, 31);
  const auto index_of = [&](std::size_t i) {
    return Sum(Sum(static_cast<std::int32_t>(i), offset) >> shift, 1);
  };
  std::int32_t next = index_of(0);  // The bucket that is to be written next.
  BucketWriter writer(upper ? next : offset, spans, deltas);
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::int32_t index = index_of(i);
    if (index == next) {
      count += counts[i];
      continue;
    }
    // Empty ones are left for the gap before the next one that is not.
    if (count != 0) {
      writer.Skip(Difference(Difference(index, next), 1));
      writer.Add(count);
      next = index;
    }
    count = counts[i];
  }
  writer.Skip(Difference(index_of(counts.size() - 1), next));
  writer.Add(count);
}

void SetSumAndCount(const proto::OtlpPoint& point, model::Histogram& h) {
  if (point.no_recorded_value()) {
    h.sum = model::kStaleNaN;
    h.count = model::kStaleNaNBits;
    return;
  }
  h.sum = point.has_sum ? point.sum : 0;
  h.count = point.count;
}

void Clear(model::Histogram& h, bool gauge) {
  h.counter_reset_hint =
      gauge ? model::CounterResetHint::kGauge : model::CounterResetHint::kUnknown;
  h.zero_threshold = 0;
  h.zero_count = 0;
  h.positive_spans.clear();
  h.negative_spans.clear();
  h.positive_buckets.clear();
  h.negative_buckets.clear();
  h.custom_values.clear();
}

}  // namespace

Status ExponentialToNative(const proto::OtlpPoint& point, bool gauge, model::Histogram& h) {
  if (point.scale < kCoarsestSchema) {
    return Fail(Code::kInvalidArgument,
                fmt::format("cannot convert exponential to native histogram. Scale must be >= {}, "
                            "was {}",
                            kCoarsestSchema, point.scale));
  }
  Clear(h, gauge);
  h.schema = std::min(point.scale, kFinestSchema);
  const std::int32_t shift = point.scale - h.schema;
  WriteBuckets(point.positive.counts, point.positive.offset, shift, true, h.positive_spans,
               h.positive_buckets);
  WriteBuckets(point.negative.counts, point.negative.offset, shift, true, h.negative_spans,
               h.negative_buckets);
  h.zero_threshold = kZeroThreshold;
  h.zero_count = point.zero_count;
  SetSumAndCount(point, h);
  return {};
}

void ExplicitToNative(const proto::OtlpPoint& point, bool gauge, model::Histogram& h) {
  Clear(h, gauge);
  h.schema = model::kCustomBucketsSchema;
  const auto first = std::find_if(point.bucket_counts.begin(), point.bucket_counts.end(),
                                  [](std::uint64_t count) { return count != 0; });
  WriteBuckets({first, point.bucket_counts.end()},
               static_cast<std::int32_t>(first - point.bucket_counts.begin()), 0, false,
               h.positive_spans, h.positive_buckets);
  h.custom_values = point.explicit_bounds;
  SetSumAndCount(point, h);
}

std::string HistogramOddity(const proto::OtlpPoint& point, const model::Histogram& h,
                            bool exponential) {
  if (point.no_recorded_value() || point.count != 0 || h.sum == 0) return {};
  return fmt::format("{}histogram data point has zero count, but non-zero sum: {}",
                     exponential ? "exponential " : "", go::FormatFloatFixed6(h.sum));
}

}  // namespace narthex::remote
