// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunkenc/histogram_layout.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tsdb/chunkenc/histogram_limits.h"

namespace narthex::tsdb {
namespace {

using model::Span;

// A zero threshold 2^(b−244) has a byte of its own; 0 stands for zero, 255 for "64 bits follow".
constexpr int kThresholdBias = 244;
constexpr unsigned kThresholdRaw = 255;
// Bounds with at most three decimals up to this many thousandths are written as integers.
constexpr double kMaxThousandths = 33554430;

// Readers may add and subtract such indexes freely.
bool IsBucketIndex(std::int64_t i) { return i >= -kMaxSpanOffset && i <= kMaxSpanOffset; }

void WriteZeroThreshold(BitWriter& out, double threshold) {
  int exponent = 0;
  const double fraction = std::frexp(threshold, &exponent);
  const int code = exponent - 1 + kThresholdBias;
  if (threshold == 0) {
    out.Put(0, 8);
  } else if (fraction == 0.5 && code >= 1 && code < static_cast<int>(kThresholdRaw)) {
    out.Put(static_cast<std::uint64_t>(code), 8);
  } else {
    out.Put(kThresholdRaw, 8);
    out.Put(std::bit_cast<std::uint64_t>(threshold), 64);
  }
}

double ReadZeroThreshold(BitReader& in) {
  const auto code = static_cast<unsigned>(in.Bits(8));
  if (code == 0) return 0;
  if (code == kThresholdRaw) return std::bit_cast<double>(in.Bits(64));
  return std::ldexp(1.0, static_cast<int>(code) - kThresholdBias);
}

void WriteSpans(BitWriter& out, const std::vector<Span>& spans) {
  out.VarbitUint(spans.size());
  for (const Span& span : spans) {
    out.VarbitUint(span.length);
    out.VarbitInt(span.offset);
  }
}

std::vector<Span> ReadSpans(BitReader& in) {
  std::vector<Span> spans;
  const std::uint64_t n = in.VarbitUint();
  std::uint64_t buckets = 0;
  std::int64_t index = 0;
  for (std::uint64_t i = 0; i < n && in.ok(); ++i) {
    const std::uint64_t length = in.VarbitUint();
    const std::int64_t offset = in.VarbitInt();
    // The first sample has at least one bit for each bucket.
    const bool sane = length <= in.remaining() && IsBucketIndex(offset);
    if (sane) {
      index += offset + static_cast<std::int64_t>(length);
      buckets += length;
    }
    if (!sane || buckets > in.remaining() || !IsBucketIndex(index)) {
      in.Stop();
      break;
    }
    spans.push_back({static_cast<std::int32_t>(offset), static_cast<std::uint32_t>(length)});
  }
  return spans;
}

void WriteBound(BitWriter& out, double bound) {
  const double thousandths = std::round(bound * 1000);
  if (thousandths >= 0 && thousandths <= kMaxThousandths && thousandths / 1000 == bound) {
    out.VarbitUint(static_cast<std::uint64_t>(thousandths) + 1);
  } else {
    out.Put(0, 1);
    out.Put(std::bit_cast<std::uint64_t>(bound), 64);
  }
}

double ReadBound(BitReader& in) {
  const std::uint64_t code = in.VarbitUint();
  if (code == 0) return std::bit_cast<double>(in.Bits(64));
  return static_cast<double>(code - 1) / 1000;
}

}  // namespace

void WriteLayout(BitWriter& out, const HistogramLayout& layout) {
  WriteZeroThreshold(out, layout.zero_threshold);
  out.VarbitInt(layout.schema);
  WriteSpans(out, layout.positive_spans);
  WriteSpans(out, layout.negative_spans);
  if (layout.schema != model::kCustomBucketsSchema) return;
  out.VarbitUint(layout.custom_values.size());
  for (const double bound : layout.custom_values) WriteBound(out, bound);
}

HistogramLayout ReadLayout(BitReader& in) {
  HistogramLayout layout;
  layout.zero_threshold = ReadZeroThreshold(in);
  layout.schema = static_cast<std::int32_t>(in.VarbitInt());
  layout.positive_spans = ReadSpans(in);
  layout.negative_spans = ReadSpans(in);
  if (layout.schema == model::kCustomBucketsSchema) {
    const std::uint64_t n = in.VarbitUint();
    for (std::uint64_t i = 0; i < n && in.ok(); ++i) layout.custom_values.push_back(ReadBound(in));
  }
  const std::uint64_t buckets =
      NumBuckets(layout.positive_spans) + NumBuckets(layout.negative_spans);
  if (buckets > in.remaining()) in.Stop();
  return layout;
}

std::size_t NumBuckets(std::span<const Span> spans) {
  std::size_t n = 0;
  for (const Span& span : spans) n += span.length;
  return n;
}

std::vector<std::int32_t> BucketIndexes(std::span<const Span> spans) {
  std::vector<std::int32_t> indexes;
  indexes.reserve(NumBuckets(spans));
  std::uint32_t index = 0;  // Unsigned, as offsets from files may wrap.
  for (const Span& span : spans) {
    index += static_cast<std::uint32_t>(span.offset);
    for (std::uint32_t i = 0; i < span.length; ++i) {
      indexes.push_back(static_cast<std::int32_t>(index++));
    }
  }
  return indexes;
}

std::vector<Span> UniteSpans(std::span<const Span> a, std::span<const Span> b) {
  const auto ia = BucketIndexes(a);
  const auto ib = BucketIndexes(b);
  std::vector<std::int32_t> all;
  std::set_union(ia.begin(), ia.end(), ib.begin(), ib.end(), std::back_inserter(all));
  std::vector<Span> spans;
  std::uint32_t next = 0;
  for (const std::int32_t index : all) {
    const auto at = static_cast<std::uint32_t>(index);
    if (spans.empty() || at != next) spans.push_back({static_cast<std::int32_t>(at - next), 0});
    ++spans.back().length;
    next = at + 1;
  }
  return spans;
}

std::vector<std::int64_t> CountsFromDeltas(std::span<const std::int64_t> deltas) {
  std::vector<std::int64_t> counts(deltas.begin(), deltas.end());
  std::uint64_t sum = 0;
  for (std::int64_t& c : counts) {
    sum += static_cast<std::uint64_t>(c);
    c = static_cast<std::int64_t>(sum);
  }
  return counts;
}

std::vector<std::int64_t> DeltasFromCounts(std::span<const std::int64_t> counts) {
  std::vector<std::int64_t> deltas(counts.begin(), counts.end());
  for (std::size_t i = deltas.size(); i-- > 1;) {
    deltas[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(deltas[i]) -
                                          static_cast<std::uint64_t>(deltas[i - 1]));
  }
  return deltas;
}

}  // namespace narthex::tsdb
