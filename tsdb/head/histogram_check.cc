// SPDX-License-Identifier: Apache-2.0
#include "narthex/tsdb/histogram_check.h"

#include <cmath>
#include <limits>
#include <span>
#include <string_view>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "tsdb/chunkenc/histogram_limits.h"

namespace narthex::tsdb {
namespace {

using model::FloatHistogram;
using model::Histogram;

constexpr std::int32_t kLeastSchema = -4;
constexpr std::int32_t kMostSchema = 8;
constexpr double kInf = std::numeric_limits<double>::infinity();

constexpr std::string_view kNegativeBucket =
    "histogram has a bucket whose observation count is negative";

std::string NegativeOffset(std::size_t i, const model::Span& span) {
  return fmt::format("span number {} with offset {}: histogram has a span whose offset is negative",
                     i + 1, span.offset);
}

std::string CoverProblem(std::size_t covered, std::size_t num_buckets) {
  if (covered == num_buckets) return {};
  return fmt::format(
      "spans need {} buckets, have {} buckets: histogram spans specify different number of buckets "
      "than provided",
      covered, num_buckets);
}

std::string SpansProblem(std::span<const model::Span> spans, std::size_t num_buckets) {
  std::size_t covered = 0;
  std::int64_t end = 0;  // Of the span: the index behind its last bucket.
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (i > 0 && spans[i].offset < 0) return NegativeOffset(i, spans[i]);
    const std::int64_t begin = end + spans[i].offset;
    end = begin + spans[i].length;
    if (begin < -kMaxHistogramIndex || end > kMaxHistogramIndex) {
      return fmt::format("span number {} with offset {}: bucket indexes beyond {} are not taken",
                         i + 1, spans[i].offset, kMaxHistogramIndex);
    }
    covered += spans[i].length;
  }
  return CoverProblem(covered, num_buckets);
}

std::string BoundsProblem(std::span<const double> bounds) {
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (std::isnan(bounds[i])) return "histogram custom bounds must not be NaN";
    if (i > 0 && bounds[i] <= bounds[i - 1]) {
      return fmt::format(
          "previous bound is {} and current is {}: histogram custom bounds must be in strictly "
          "increasing order",
          go::FormatFloatFixed6(bounds[i - 1]), go::FormatFloatFixed6(bounds[i]));
    }
  }
  if (!bounds.empty() && bounds.back() == kInf) {
    return "last +Inf bound must not be explicitly defined: histogram custom bounds must be finite";
  }
  return {};
}

std::string CustomSpansProblem(std::span<const model::Span> spans, std::size_t num_buckets,
                               std::size_t num_bounds) {
  std::size_t covered = 0;
  std::size_t reach = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (spans[i].offset < 0) return NegativeOffset(i, spans[i]);
    covered += spans[i].length;
    reach += static_cast<std::size_t>(spans[i].offset) + spans[i].length;
  }
  if (auto problem = CoverProblem(covered, num_buckets); !problem.empty()) return problem;
  if (reach <= num_bounds + 1) return {};
  return fmt::format(
      "only {} custom bounds defined which is insufficient to cover total span length of {}: "
      "histogram custom bounds are too few",
      num_bounds, reach);
}

// The sum of delta-coded buckets.
std::string BucketsProblem(std::span<const std::int64_t> deltas, std::uint64_t& sum) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < deltas.size(); ++i) {
    if (__builtin_add_overflow(count, deltas[i], &count) || count < 0) {
      return fmt::format("bucket number {} has observation count of {}: {}", i + 1, count,
                         kNegativeBucket);
    }
    sum += static_cast<std::uint64_t>(count);
  }
  return {};
}

std::string BucketsProblem(std::span<const double> counts) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < 0) {
      return fmt::format("bucket number {} has observation count of {}: {}", i + 1,
                         go::FormatFloatG(counts[i]), kNegativeBucket);
    }
  }
  return {};
}

std::string Named(std::string_view part, std::string problem) {
  return problem.empty() ? problem : fmt::format("{}: {}", part, problem);
}

template <typename H>
std::string CustomShapeProblem(const H& h) {
  auto problem = BoundsProblem(h.custom_values);
  if (problem.empty()) {
    problem =
        CustomSpansProblem(h.positive_spans, h.positive_buckets.size(), h.custom_values.size());
  }
  if (!problem.empty()) return Named("custom buckets", std::move(problem));
  if (h.zero_count != 0) return "custom buckets: must have zero count of 0";
  if (h.zero_threshold != 0) return "custom buckets: must have zero threshold of 0";
  if (!h.negative_spans.empty()) return "custom buckets: must not have negative spans";
  if (!h.negative_buckets.empty()) return "custom buckets: must not have negative buckets";
  return {};
}

// Also whether the buckets of the negative side are sound, which `negative` tells.
template <typename H, typename Negative>
std::string ExponentialShapeProblem(const H& h, const Negative& negative) {
  if (h.schema < kLeastSchema || h.schema > kMostSchema) {
    return fmt::format(
        "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, "
        "or -53 for custom buckets, got schema {}",
        h.schema);
  }
  auto problem = Named("positive side", SpansProblem(h.positive_spans, h.positive_buckets.size()));
  if (!problem.empty()) return problem;
  problem = Named("negative side", SpansProblem(h.negative_spans, h.negative_buckets.size()));
  if (!problem.empty()) return problem;
  problem = negative();
  if (!problem.empty()) return problem;
  if (!h.custom_values.empty()) {
    return "histogram with exponential schema must not have custom bounds";
  }
  return {};
}

std::string TooMany(std::string_view what, std::size_t n, std::size_t most) {
  return n <= most ? std::string()
                   : fmt::format("histogram has {} {}, at most {} are taken", n, what, most);
}

template <typename H>
std::string SizeProblem(const H& h) {
  auto problem = TooMany("buckets", h.positive_buckets.size() + h.negative_buckets.size(),
                         kMaxHistogramBuckets);
  if (!problem.empty()) return problem;
  problem = TooMany("spans", h.positive_spans.size() + h.negative_spans.size(), kMaxHistogramSpans);
  if (!problem.empty()) return problem;
  return TooMany("custom bounds", h.custom_values.size(), kMaxCustomBounds);
}

template <typename H, typename Negative>
std::string ShapeProblem(const H& h, const Negative& negative) {
  if (auto problem = SizeProblem(h); !problem.empty()) return problem;
  return h.schema == model::kCustomBucketsSchema ? CustomShapeProblem(h)
                                                 : ExponentialShapeProblem(h, negative);
}

}  // namespace

std::string ProblemOf(const Histogram& h) {
  std::uint64_t sum = h.zero_count;
  auto problem = ShapeProblem(
      h, [&] { return Named("negative side", BucketsProblem(h.negative_buckets, sum)); });
  if (problem.empty()) problem = Named("positive side", BucketsProblem(h.positive_buckets, sum));
  if (!problem.empty()) return problem;
  // Observations of NaN are counted, but are in no bucket.
  const bool has_nan = std::isnan(h.sum);
  if (has_nan ? sum <= h.count : sum == h.count) return {};
  return fmt::format(
      "{} observations found in buckets, but the Count field is {}: histogram's observation count "
      "should {} the number of observations found in the buckets{}",
      sum, h.count, has_nan ? "be at least" : "equal", has_nan ? "" : " (in absence of NaN)");
}

std::string ProblemOf(const FloatHistogram& h) {
  auto problem = ShapeProblem(h, [&] {
    auto negative = Named("negative side", BucketsProblem(h.negative_buckets));
    if (!negative.empty() || !(h.zero_count < 0)) return negative;
    return fmt::format("zero bucket has observation count of {}: {}",
                       go::FormatFloatG(h.zero_count), kNegativeBucket);
  });
  if (!problem.empty()) return problem;
  if (h.count < 0) {
    // Two blanks, as Prometheus has it.
    return fmt::format("observation count is  {}: histogram's observation count is negative",
                       go::FormatFloatG(h.count));
  }
  return Named("positive side", BucketsProblem(h.positive_buckets));
}

}  // namespace narthex::tsdb
