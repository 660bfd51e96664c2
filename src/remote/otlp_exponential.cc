// SPDX-License-Identifier: Apache-2.0
#include "src/remote/otlp_exponential.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "narthex/base/go_math.h"

namespace narthex::remote {
namespace {

using proto::OtlpBuckets;

constexpr std::int64_t kMaxBuckets = 160;
// After so many steps everything is in the two buckets beside 1, and further ones change nothing.
constexpr std::int64_t kMaxSteps = 64;
constexpr std::int32_t kLargestPower = 10'000;  // Of two, beyond those of doubles.

/// The indexes that buckets have counts for: from `begin` to before `end`.
struct Range {
  std::int64_t begin = 0, end = 0;
};

Range RangeOf(const OtlpBuckets& b) {
  const auto begin = static_cast<std::int64_t>(b.offset);
  return {begin, begin + static_cast<std::int64_t>(b.counts.size())};
}

std::uint64_t CountAt(const OtlpBuckets& b, std::int64_t index) {
  const Range range = RangeOf(b);
  return index >= range.begin && index < range.end
             ? b.counts[static_cast<std::size_t>(index - range.begin)]
             : 0;
}

/// Of both sides together, without the empty buckets at the ends.
Range Filled(const OtlpBuckets& a, const OtlpBuckets& b) {
  const Range of_a = RangeOf(a);
  const Range of_b = RangeOf(b);
  const std::int64_t end = std::max(of_a.end, of_b.end);
  Range filled{end, end};
  bool any = false;
  for (const OtlpBuckets* buckets : {&a, &b}) {
    const auto& counts = buckets->counts;
    const auto is_filled = [](std::uint64_t count) { return count != 0; };
    const auto first = std::find_if(counts.begin(), counts.end(), is_filled);
    if (first == counts.end()) continue;
    const auto last = std::find_if(counts.rbegin(), counts.rend(), is_filled);
    const std::int64_t offset = buckets->offset;
    const Range own{offset + (first - counts.begin()), offset + (counts.rend() - last)};
    filled = any ? Range{std::min(filled.begin, own.begin), std::max(filled.end, own.end)} : own;
    any = true;
  }
  return filled;
}

/// Joins each two neighbours. The room that becomes free stays, as empty buckets.
void Halve(OtlpBuckets& b) {
  auto& counts = b.counts;
  const bool odd = b.offset % 2 != 0;
  if (odd) b.offset = static_cast<std::int32_t>(static_cast<std::uint32_t>(b.offset) - 1);
  b.offset /= 2;
  if (counts.empty()) return;
  // With an odd index the first one has no left neighbour.
  std::size_t to = 0;
  std::size_t from = 0;
  if (odd) from = to = 1;
  for (; from < counts.size(); from += 2, ++to) {
    counts[to] = counts[from] + (from + 1 < counts.size() ? counts[from + 1] : 0);
  }
  std::fill(counts.begin() + static_cast<std::ptrdiff_t>(to), counts.end(), 0);
}

void Coarsen(ExponentialCounts& h, std::int32_t scale, std::int64_t steps) {
  for (std::int64_t i = 0; i < std::min(steps, kMaxSteps); ++i) {
    Halve(h.positive);
    Halve(h.negative);
  }
  h.scale = scale;
}

/// How often neighbours must be joined for both together to need no more buckets than allowed.
std::int64_t FittingSteps(const OtlpBuckets& a, const OtlpBuckets& b) {
  Range range = Filled(a, b);
  std::int64_t steps = 0;
  for (; range.end - range.begin > kMaxBuckets; ++steps) {
    range.begin /= 2;
    range.end /= 2;
  }
  return steps;
}

/// The largest index of a bucket that begins below `v`.
std::int64_t IndexOf(std::int32_t scale, double v) {
  int exponent = 0;
  if (std::frexp(v, &exponent) == 0.5) {
    const std::int64_t power = exponent - 1;
    if (scale >= 0) return (scale < 48 ? power << scale : power << 48) - 1;
    return (power >> std::min(-std::int64_t{scale}, std::int64_t{63})) - 1;
  }
  const double index = std::floor(go::Log(v) * std::ldexp(std::numbers::log2e, scale));
  // As Go's conversion has it where there is no such integer.
  const bool fits = index >= -0x1p62 && index <= 0x1p62;
  return fits ? static_cast<std::int64_t>(index) : std::numeric_limits<std::int64_t>::min();
}

/// Moves the buckets within the width into the zero bucket.
void WidenZero(ExponentialCounts& h, double width) {
  const std::int64_t last = IndexOf(h.scale, width);
  for (OtlpBuckets* b : {&h.positive, &h.negative}) {
    const Range range = RangeOf(*b);
    const std::int64_t keep = std::clamp(last + 1, range.begin, range.end);
    const auto n = static_cast<std::ptrdiff_t>(keep - range.begin);
    for (std::ptrdiff_t i = 0; i < n; ++i) h.zero_count += b->counts[static_cast<std::size_t>(i)];
    b->counts.erase(b->counts.begin(), b->counts.begin() + n);
    // Beyond the integers there is no bucket, so what would begin there is empty.
    constexpr std::int64_t kLast = std::numeric_limits<std::int32_t>::max();
    if (keep > kLast) b->counts.clear();
    b->offset = static_cast<std::int32_t>(std::min(keep, kLast));
  }
  const int power = -std::clamp(h.scale, -kLargestPower, kLargestPower);
  h.zero_threshold = go::Exp(static_cast<double>(last + 1) * std::ldexp(std::numbers::ln2, power));
}

void Merge(OtlpBuckets& sum, const OtlpBuckets& other) {
  if (other.counts.empty()) return;
  if (sum.counts.empty()) {
    sum = other;
    return;
  }
  const Range range = Filled(sum, other);
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(range.end - range.begin));
  for (std::int64_t i = range.begin; i < range.end; ++i) {
    counts[static_cast<std::size_t>(i - range.begin)] = CountAt(sum, i) + CountAt(other, i);
  }
  sum.offset = static_cast<std::int32_t>(range.begin);
  sum.counts = std::move(counts);
}

}  // namespace

void AddExponential(ExponentialCounts& sum, ExponentialCounts& other) {
  if (sum.scale != other.scale) {
    ExponentialCounts& finer = sum.scale > other.scale ? sum : other;
    const std::int32_t scale = std::min(sum.scale, other.scale);
    Coarsen(finer, scale, std::int64_t{finer.scale} - scale);
  }
  const std::int64_t steps = std::max(FittingSteps(sum.positive, other.positive),
                                      FittingSteps(sum.negative, other.negative));
  if (steps > 0) {
    // Whether or not there is a scale that is so coarse, the buckets have to become fewer.
    const auto scale = static_cast<std::int32_t>(
        std::max<std::int64_t>(sum.scale - steps, std::numeric_limits<std::int32_t>::min()));
    for (ExponentialCounts* h : {&sum, &other}) Coarsen(*h, scale, steps);
  }
  if (sum.zero_threshold != other.zero_threshold) {
    // NaN counts as less than any number.
    const bool sum_less =
        std::isnan(sum.zero_threshold) || sum.zero_threshold < other.zero_threshold;
    ExponentialCounts& less = sum_less ? sum : other;
    WidenZero(less, sum_less ? other.zero_threshold : sum.zero_threshold);
  }
  Merge(sum.positive, other.positive);
  Merge(sum.negative, other.negative);
  sum.zero_count += other.zero_count;
}

}  // namespace narthex::remote
