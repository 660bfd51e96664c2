// SPDX-License-Identifier: Apache-2.0
#include "src/model/float_histogram_lists.h"

#include "narthex/model/float_histogram.h"

namespace narthex::model {

BucketList UnpackBuckets(std::span<const Span> spans, std::span<const double> counts) {
  BucketList list;
  list.reserve(counts.size());
  for (BucketCursor c(spans, counts); c.Next();) list.push_back({c.index(), c.count(), 0});
  return list;
}

void PackBuckets(const BucketList& list, std::vector<Span>& spans, std::vector<double>& counts) {
  spans.clear();
  counts.clear();
  std::int32_t next = 0;
  for (const IndexedCount& b : list) {
    if (spans.empty() || b.index != next) {
      spans.push_back({b.index - (spans.empty() ? 0 : next), 0});
    }
    ++spans.back().length;
    counts.push_back(b.count);
    next = b.index + 1;
  }
}

std::int32_t CoarserIndex(std::int32_t index, int shift) {
  // In 64 bits: schemas from newer programs may be 44 steps away.
  return static_cast<std::int32_t>(((std::int64_t{index} - 1) >> shift) + 1);
}

void MergeToCoarser(BucketList& list, int shift) {
  BucketList merged;
  merged.reserve(list.size());
  for (const IndexedCount& b : list) {
    const std::int32_t index = CoarserIndex(b.index, shift);
    if (!merged.empty() && merged.back().index == index) {
      merged.back().count += b.count;
    } else {
      merged.push_back({index, b.count, 0});
    }
  }
  list = std::move(merged);
}

namespace {

void CompactSide(std::vector<Span>& spans, std::vector<double>& counts) {
  BucketList list = UnpackBuckets(spans, counts);
  std::erase_if(list, [](const IndexedCount& b) { return b.count == 0; });
  PackBuckets(list, spans, counts);
}

void ReduceSide(std::vector<Span>& spans, std::vector<double>& counts, int shift) {
  BucketList list = UnpackBuckets(spans, counts);
  MergeToCoarser(list, shift);
  PackBuckets(list, spans, counts);
}

}  // namespace

void Compact(FloatHistogram& h) {
  CompactSide(h.positive_spans, h.positive_buckets);
  CompactSide(h.negative_spans, h.negative_buckets);
}

void ReduceResolution(FloatHistogram& h, std::int32_t target_schema) {
  if (UsesCustomBuckets(h) || target_schema >= h.schema) return;
  const int shift = h.schema - target_schema;
  ReduceSide(h.positive_spans, h.positive_buckets, shift);
  ReduceSide(h.negative_spans, h.negative_buckets, shift);
  h.schema = target_schema;
}

}  // namespace narthex::model
