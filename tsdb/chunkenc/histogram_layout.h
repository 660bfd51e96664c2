// SPDX-License-Identifier: Apache-2.0
//
// The layout part of histogram chunks, and buckets moved from one layout into a wider one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "narthex/model/histogram.h"
#include "tsdb/chunkenc/bit_reader.h"
#include "tsdb/chunkenc/bit_stream.h"
#include "tsdb/chunkenc/histogram.h"

namespace narthex::tsdb {

void WriteLayout(BitWriter& out, const HistogramLayout& layout);
/// Stops the reader when the layout has more buckets than bits follow.
HistogramLayout ReadLayout(BitReader& in);

std::size_t NumBuckets(std::span<const model::Span> spans);

/// The index of each bucket, ascending.
std::vector<std::int32_t> BucketIndexes(std::span<const model::Span> spans);
/// Spans that hold the buckets of both.
std::vector<model::Span> UniteSpans(std::span<const model::Span> a, std::span<const model::Span> b);

/// Absolute bucket counts from the integer form (first count, then differences) and back.
std::vector<std::int64_t> CountsFromDeltas(std::span<const std::int64_t> deltas);
std::vector<std::int64_t> DeltasFromCounts(std::span<const std::int64_t> counts);

/// Counts by position in `from` put at their positions in `to`, which has all buckets of `from`;
/// the others are zero.
template <typename T>
std::vector<T> SpreadCounts(std::span<const T> counts, std::span<const model::Span> from,
                            std::span<const model::Span> to) {
  const auto from_indexes = BucketIndexes(from);
  const auto to_indexes = BucketIndexes(to);
  std::vector<T> spread(to_indexes.size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < from_indexes.size() && i < counts.size(); ++i) {
    while (at < to_indexes.size() && to_indexes[at] != from_indexes[i]) ++at;
    if (at < to_indexes.size()) spread[at] = counts[i];
  }
  return spread;
}

/// Whether some bucket of `before` has a higher count than in `after`, where missing ones are zero.
template <typename T>
bool AnyBucketFell(std::span<const T> before, std::span<const model::Span> before_spans,
                   std::span<const T> after, std::span<const model::Span> after_spans) {
  const auto old_indexes = BucketIndexes(before_spans);
  const auto new_indexes = BucketIndexes(after_spans);
  std::size_t at = 0;
  for (std::size_t i = 0; i < old_indexes.size() && i < before.size(); ++i) {
    while (at < new_indexes.size() && new_indexes[at] < old_indexes[i]) ++at;
    const bool there =
        at < new_indexes.size() && at < after.size() && new_indexes[at] == old_indexes[i];
    if (there ? before[i] > after[at] : before[i] != 0) return true;
  }
  return false;
}

}  // namespace narthex::tsdb
