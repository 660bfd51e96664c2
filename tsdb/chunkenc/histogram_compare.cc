// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunkenc/histogram_compare.h"

#include <algorithm>

#include "tsdb/chunkenc/histogram_layout.h"

namespace narthex::tsdb {

using model::FloatHistogram;
using model::Histogram;

namespace {

// Absolute counts of the buckets of one sign.
std::vector<std::int64_t> Counts(const std::vector<std::int64_t>& deltas) {
  return CountsFromDeltas(deltas);
}
const std::vector<double>& Counts(const std::vector<double>& counts) { return counts; }

void StoreCounts(std::vector<std::int64_t>& buckets, const std::vector<std::int64_t>& counts) {
  buckets = DeltasFromCounts(counts);
}
void StoreCounts(std::vector<double>& buckets, std::vector<double> counts) {
  buckets = std::move(counts);
}

template <typename T>
void SpreadBuckets(std::vector<T>& buckets, const std::vector<model::Span>& from,
                   const std::vector<model::Span>& to) {
  const std::vector<T>& counts = Counts(buckets);
  StoreCounts(buckets, SpreadCounts(std::span<const T>(counts), from, to));
}

}  // namespace

template <typename H>
void Widen(H& h, const HistogramLayout& layout) {
  SpreadBuckets(h.positive_buckets, h.positive_spans, layout.positive_spans);
  SpreadBuckets(h.negative_buckets, h.negative_spans, layout.negative_spans);
  h.positive_spans = layout.positive_spans;
  h.negative_spans = layout.negative_spans;
}

template <typename H>
HistogramLayout Wider(const HistogramLayout& layout, const H& h) {
  HistogramLayout wider = layout;
  wider.positive_spans = UniteSpans(layout.positive_spans, h.positive_spans);
  wider.negative_spans = UniteSpans(layout.negative_spans, h.negative_spans);
  // The sample's own words stay where it has all buckets; of a gauge only when that holds for both
  // signs. Source: Prometheus tsdb/chunkenc (forward and backward inserts).
  const bool has_positive = NumBuckets(wider.positive_spans) == NumBuckets(h.positive_spans);
  const bool has_negative = NumBuckets(wider.negative_spans) == NumBuckets(h.negative_spans);
  const bool gauge = h.counter_reset_hint == model::CounterResetHint::kGauge;
  if (has_positive && (has_negative || !gauge)) wider.positive_spans = h.positive_spans;
  if (has_negative && (has_positive || !gauge)) wider.negative_spans = h.negative_spans;
  return wider;
}

bool HasMoreBuckets(const HistogramLayout& wider, const HistogramLayout& layout) {
  return NumBuckets(wider.positive_spans) > NumBuckets(layout.positive_spans) ||
         NumBuckets(wider.negative_spans) > NumBuckets(layout.negative_spans);
}

template <typename H>
bool AnyCountFell(const H& before, const H& after) {
  if (after.count < before.count || after.zero_count < before.zero_count) return true;
  const auto fell = [](const auto& old_buckets, const auto& old_spans, const auto& new_buckets,
                       const auto& new_spans) {
    const auto& old_counts = Counts(old_buckets);
    const auto& new_counts = Counts(new_buckets);
    return AnyBucketFell(std::span(old_counts), std::span(old_spans), std::span(new_counts),
                         std::span(new_spans));
  };
  return fell(before.positive_buckets, before.positive_spans, after.positive_buckets,
              after.positive_spans) ||
         fell(before.negative_buckets, before.negative_spans, after.negative_buckets,
              after.negative_spans);
}

bool CountFell(const IntHistogramState& last, const Histogram& h) {
  return h.count < static_cast<std::uint64_t>(last.count);
}
bool CountFell(const FloatHistogramState& last, const FloatHistogram& h) {
  return h.count < last.count.value();
}

bool AnyCountFell(const IntHistogramState& last, const Histogram& h) {
  if (h.count < static_cast<std::uint64_t>(last.count) ||
      h.zero_count < static_cast<std::uint64_t>(last.zero_count)) {
    return true;
  }
  std::size_t at = 0;
  for (const auto* buckets : {&h.positive_buckets, &h.negative_buckets}) {
    std::uint64_t before = 0;
    std::uint64_t now = 0;
    for (const std::int64_t delta : *buckets) {
      before += static_cast<std::uint64_t>(last.buckets[at++]);
      now += static_cast<std::uint64_t>(delta);
      if (static_cast<std::int64_t>(before) > static_cast<std::int64_t>(now)) return true;
    }
  }
  return false;
}
bool AnyCountFell(const FloatHistogramState& last, const FloatHistogram& h) {
  if (h.count < last.count.value() || h.zero_count < last.zero_count.value()) return true;
  std::size_t at = 0;
  for (const auto* buckets : {&h.positive_buckets, &h.negative_buckets}) {
    for (const double count : *buckets) {
      if (last.buckets[at++].value() > count) return true;
    }
  }
  return false;
}

bool SameCounts(const IntHistogramState& last, const Histogram& h) {
  if (static_cast<std::uint64_t>(last.count) != h.count ||
      static_cast<std::uint64_t>(last.zero_count) != h.zero_count) {
    return false;
  }
  const auto negative =
      last.buckets.begin() + static_cast<std::ptrdiff_t>(h.positive_buckets.size());
  return std::equal(last.buckets.begin(), negative, h.positive_buckets.begin()) &&
         std::equal(negative, last.buckets.end(), h.negative_buckets.begin());
}
bool SameCounts(const FloatHistogramState& last, const FloatHistogram& h) {
  if (last.count.value() != h.count || last.zero_count.value() != h.zero_count) return false;
  const auto same = [](const XorField& a, double b) { return a.value() == b; };
  const auto negative =
      last.buckets.begin() + static_cast<std::ptrdiff_t>(h.positive_buckets.size());
  return std::equal(last.buckets.begin(), negative, h.positive_buckets.begin(), same) &&
         std::equal(negative, last.buckets.end(), h.negative_buckets.begin(), same);
}

template void Widen(Histogram&, const HistogramLayout&);
template void Widen(FloatHistogram&, const HistogramLayout&);
template HistogramLayout Wider(const HistogramLayout&, const Histogram&);
template HistogramLayout Wider(const HistogramLayout&, const FloatHistogram&);
template bool AnyCountFell(const Histogram&, const Histogram&);
template bool AnyCountFell(const FloatHistogram&, const FloatHistogram&);

}  // namespace narthex::tsdb
