// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "narthex/model/float_histogram.h"
#include "narthex/model/histogram.h"

namespace narthex::model {
namespace {

/// Whether the spans have these many buckets, all at indexes that 32 bits hold.
bool Describes(const std::vector<Span>& spans, std::size_t num_buckets) {
  // Distances between indexes fit 32 bits, too.
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max() / 2;
  std::int64_t index = 0;
  std::size_t covered = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (i > 0 && spans[i].offset < 0) return false;
    if (spans[i].length > num_buckets - covered) return false;
    covered += spans[i].length;
    index += spans[i].offset;
    if (index < -kMost || index + spans[i].length > kMost) return false;
    index += spans[i].length;
  }
  return covered == num_buckets;
}

template <typename H>
bool SidesDescribed(const H& h) {
  return Describes(h.positive_spans, h.positive_buckets.size()) &&
         Describes(h.negative_spans, h.negative_buckets.size());
}

void AddBucket(std::int32_t index, std::int64_t count, std::vector<Span>& spans,
               std::vector<std::int64_t>& counts, std::int32_t& next) {
  if (!counts.empty() && index == next - 1) {
    counts.back() = static_cast<std::int64_t>(static_cast<std::uint64_t>(counts.back()) +
                                              static_cast<std::uint64_t>(count));
    return;
  }
  if (counts.empty()) {
    spans.push_back({index, 0});
  } else if (index != next) {
    spans.push_back({index - next, 0});
  }
  ++spans.back().length;
  counts.push_back(count);
  next = index + 1;
}

// As for floats, but exact beyond 2^53.
void RebuildSide(std::vector<Span>& spans, std::vector<std::int64_t>& deltas, int shift,
                 bool drop_empty) {
  std::vector<Span> new_spans;
  std::vector<std::int64_t> counts;
  std::int64_t index = 0, count = 0;
  std::int32_t next = 0;
  std::size_t position = 0;
  for (const Span& span : spans) {
    index += span.offset;
    for (std::uint32_t i = 0; i < span.length; ++i, ++index) {
      // Unsigned, so that nonsense wraps around; whoever stores it finds it invalid.
      count = static_cast<std::int64_t>(static_cast<std::uint64_t>(count) +
                                        static_cast<std::uint64_t>(deltas[position++]));
      if (drop_empty && count == 0) continue;
      AddBucket(static_cast<std::int32_t>(((index - 1) >> shift) + 1), count, new_spans, counts,
                next);
    }
  }
  std::int64_t last = 0;
  for (std::int64_t& c : counts) {
    const std::int64_t absolute = c;
    c = static_cast<std::int64_t>(static_cast<std::uint64_t>(absolute) -
                                  static_cast<std::uint64_t>(last));
    last = absolute;
  }
  spans = std::move(new_spans);
  deltas = std::move(counts);
}

/// Whether compaction would change nothing, as for almost all histograms that clients send.
bool IsCompact(const std::vector<Span>& spans, const std::vector<std::int64_t>& deltas) {
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (spans[i].length == 0 || (i > 0 && spans[i].offset == 0)) return false;
  }
  std::uint64_t count = 0;
  return std::all_of(deltas.begin(), deltas.end(), [&](std::int64_t delta) {
    count += static_cast<std::uint64_t>(delta);
    return count != 0;
  });
}

bool IsCompact(const std::vector<Span>& spans, const std::vector<double>& counts) {
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (spans[i].length == 0 || (i > 0 && spans[i].offset == 0)) return false;
  }
  return std::find(counts.begin(), counts.end(), 0.0) == counts.end();
}

template <typename H>
bool SidesCompact(const H& h) {
  return IsCompact(h.positive_spans, h.positive_buckets) &&
         IsCompact(h.negative_spans, h.negative_buckets);
}

}  // namespace

bool CompactChecked(Histogram& h) {
  if (SidesCompact(h)) return true;
  if (!SidesDescribed(h)) return false;
  RebuildSide(h.positive_spans, h.positive_buckets, 0, true);
  RebuildSide(h.negative_spans, h.negative_buckets, 0, true);
  return true;
}

bool CompactChecked(FloatHistogram& h) {
  if (SidesCompact(h)) return true;
  if (!SidesDescribed(h)) return false;
  Compact(h);
  return true;
}

bool CoarsenChecked(Histogram& h, std::int32_t target_schema) {
  if (h.schema == kCustomBucketsSchema || target_schema >= h.schema) return true;
  if (!SidesDescribed(h)) return false;
  const int shift = h.schema - target_schema;
  RebuildSide(h.positive_spans, h.positive_buckets, shift, false);
  RebuildSide(h.negative_spans, h.negative_buckets, shift, false);
  h.schema = target_schema;
  return true;
}

bool CoarsenChecked(FloatHistogram& h, std::int32_t target_schema) {
  if (h.schema == kCustomBucketsSchema || target_schema >= h.schema) return true;
  if (!SidesDescribed(h)) return false;
  ReduceResolution(h, target_schema);
  return true;
}

}  // namespace narthex::model
