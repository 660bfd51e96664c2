// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunkenc/histogram_codec.h"

#include <bit>

#include "narthex/model/sample.h"
#include "tsdb/chunkenc/histogram_layout.h"

namespace narthex::tsdb {
namespace {

using model::FloatHistogram;
using model::Histogram;
using model::IsStale;
using model::TimestampMs;

// Counters and times from files may be anything: differences wrap.
std::int64_t Minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t Plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

// Writes the change of the difference to the value before; keeps value and difference.
void WriteDeltaOfDelta(BitWriter& out, std::int64_t& value, std::int64_t& delta,
                       std::int64_t next) {
  const std::int64_t next_delta = Minus(next, value);
  out.VarbitInt(Minus(next_delta, delta));
  delta = next_delta;
  value = next;
}
void ReadDeltaOfDelta(BitReader& in, std::int64_t& value, std::int64_t& delta) {
  delta = Plus(delta, in.VarbitInt());
  value = Plus(value, delta);
}

template <typename H, typename Visit>
void ForEachBucket(const H& h, Visit&& visit) {
  std::size_t i = 0;
  for (const auto b : h.positive_buckets) visit(i++, b);
  for (const auto b : h.negative_buckets) visit(i++, b);
}

template <typename H>
void FillLayout(H& h, const HistogramLayout& layout) {
  h.schema = layout.schema;
  h.zero_threshold = layout.zero_threshold;
  h.positive_spans = layout.positive_spans;
  h.negative_spans = layout.negative_spans;
  h.custom_values = layout.custom_values;
}

// Hands out the buckets of the two signs: fill(value of bucket i, first of its sign).
template <typename Buckets, typename Fill>
void FillBuckets(std::span<const model::Span> positive_spans, std::size_t num_buckets,
                 Buckets& positive, Buckets& negative, Fill&& fill) {
  const std::size_t num_positive = std::min(NumBuckets(positive_spans), num_buckets);
  positive.resize(num_positive);
  negative.resize(num_buckets - num_positive);
  for (std::size_t i = 0; i < num_buckets; ++i) {
    auto& out = i < num_positive ? positive[i] : negative[i - num_positive];
    fill(i, i == 0 || i == num_positive, out);
  }
}

}  // namespace

void WriteFirst(BitWriter& out, IntHistogramState& state, TimestampMs t, const Histogram& h) {
  state = {};
  const bool stale = IsStale(h.sum);
  state.t = t;
  state.count = stale ? 0 : static_cast<std::int64_t>(h.count);
  state.zero_count = stale ? 0 : static_cast<std::int64_t>(h.zero_count);
  state.sum.bits = std::bit_cast<std::uint64_t>(h.sum);
  out.VarbitInt(t);
  out.VarbitUint(static_cast<std::uint64_t>(state.count));
  out.VarbitUint(static_cast<std::uint64_t>(state.zero_count));
  out.Put(state.sum.bits, 64);
  if (stale) return;
  ForEachBucket(h, [&](std::size_t, std::int64_t b) {
    out.VarbitInt(b);
    state.buckets.push_back(b);
  });
  state.bucket_deltas.assign(state.buckets.size(), 0);
}

void WriteNext(BitWriter& out, IntHistogramState& state, TimestampMs t, const Histogram& h) {
  WriteDeltaOfDelta(out, state.t, state.t_delta, t);
  if (IsStale(h.sum)) {
    out.VarbitInt(0);
    out.VarbitInt(0);
    state.count = Plus(state.count, state.count_delta);
    state.zero_count = Plus(state.zero_count, state.zero_count_delta);
    state.sum.Write(out, h.sum);
    return;
  }
  WriteDeltaOfDelta(out, state.count, state.count_delta, static_cast<std::int64_t>(h.count));
  WriteDeltaOfDelta(out, state.zero_count, state.zero_count_delta,
                    static_cast<std::int64_t>(h.zero_count));
  state.sum.Write(out, h.sum);
  ForEachBucket(h, [&](std::size_t i, std::int64_t b) {
    WriteDeltaOfDelta(out, state.buckets[i], state.bucket_deltas[i], b);
  });
}

void ReadFirst(BitReader& in, IntHistogramState& state, std::size_t num_buckets) {
  state.t = in.VarbitInt();
  state.count = static_cast<std::int64_t>(in.VarbitUint());
  state.zero_count = static_cast<std::int64_t>(in.VarbitUint());
  state.sum.bits = in.Bits(64);
  state.buckets.resize(num_buckets);
  state.bucket_deltas.assign(num_buckets, 0);
  for (std::int64_t& b : state.buckets) b = in.VarbitInt();
}

void ReadNext(BitReader& in, IntHistogramState& state) {
  ReadDeltaOfDelta(in, state.t, state.t_delta);
  ReadDeltaOfDelta(in, state.count, state.count_delta);
  ReadDeltaOfDelta(in, state.zero_count, state.zero_count_delta);
  state.sum.Read(in);
  if (IsStale(state.sum.value())) return;
  for (std::size_t i = 0; i < state.buckets.size(); ++i) {
    ReadDeltaOfDelta(in, state.buckets[i], state.bucket_deltas[i]);
  }
}

void WriteFirst(BitWriter& out, FloatHistogramState& state, TimestampMs t,
                const FloatHistogram& h) {
  state = {};
  const bool stale = IsStale(h.sum);
  state.t = t;
  state.count.bits = std::bit_cast<std::uint64_t>(stale ? 0.0 : h.count);
  state.zero_count.bits = std::bit_cast<std::uint64_t>(stale ? 0.0 : h.zero_count);
  state.sum.bits = std::bit_cast<std::uint64_t>(h.sum);
  out.VarbitInt(t);
  out.Put(state.count.bits, 64);
  out.Put(state.zero_count.bits, 64);
  out.Put(state.sum.bits, 64);
  if (stale) return;
  ForEachBucket(h, [&](std::size_t, double b) {
    state.buckets.push_back({std::bit_cast<std::uint64_t>(b), 0xff, 0});
    out.Put(state.buckets.back().bits, 64);
  });
}

void WriteNext(BitWriter& out, FloatHistogramState& state, TimestampMs t, const FloatHistogram& h) {
  const bool stale = IsStale(h.sum);
  WriteDeltaOfDelta(out, state.t, state.t_delta, t);
  state.count.Write(out, stale ? 0.0 : h.count);
  state.zero_count.Write(out, stale ? 0.0 : h.zero_count);
  state.sum.Write(out, h.sum);
  if (stale) return;
  ForEachBucket(h, [&](std::size_t i, double b) { state.buckets[i].Write(out, b); });
}

void ReadFirst(BitReader& in, FloatHistogramState& state, std::size_t num_buckets) {
  state.t = in.VarbitInt();
  state.count.bits = in.Bits(64);
  state.zero_count.bits = in.Bits(64);
  state.sum.bits = in.Bits(64);
  state.buckets.resize(num_buckets);
  for (XorField& b : state.buckets) b.bits = in.Bits(64);
}

void ReadNext(BitReader& in, FloatHistogramState& state) {
  ReadDeltaOfDelta(in, state.t, state.t_delta);
  state.count.Read(in);
  state.zero_count.Read(in);
  state.sum.Read(in);
  if (IsStale(state.sum.value())) return;
  for (XorField& b : state.buckets) b.Read(in);
}

Histogram ToHistogram(const HistogramLayout& layout, const IntHistogramState& state) {
  Histogram h;
  h.sum = state.sum.value();
  if (IsStale(h.sum)) return h;
  FillLayout(h, layout);
  h.count = static_cast<std::uint64_t>(state.count);
  h.zero_count = static_cast<std::uint64_t>(state.zero_count);
  FillBuckets(layout.positive_spans, state.buckets.size(), h.positive_buckets, h.negative_buckets,
              [&](std::size_t i, bool, std::int64_t& out) { out = state.buckets[i]; });
  return h;
}

FloatHistogram ToFloatHistogram(const HistogramLayout& layout, const IntHistogramState& state) {
  FloatHistogram h;
  h.sum = state.sum.value();
  if (IsStale(h.sum)) return h;
  FillLayout(h, layout);
  h.count = static_cast<double>(static_cast<std::uint64_t>(state.count));
  h.zero_count = static_cast<double>(static_cast<std::uint64_t>(state.zero_count));
  // Added up as floats, as Prometheus does for queries: beyond 2^53 that is not the same.
  double sum = 0;
  FillBuckets(layout.positive_spans, state.buckets.size(), h.positive_buckets, h.negative_buckets,
              [&](std::size_t i, bool first, double& out) {
                const auto difference = static_cast<double>(state.buckets[i]);
                out = sum = first ? difference : sum + difference;
              });
  return h;
}

FloatHistogram ToHistogram(const HistogramLayout& layout, const FloatHistogramState& state) {
  FloatHistogram h;
  h.sum = state.sum.value();
  if (IsStale(h.sum)) return h;
  FillLayout(h, layout);
  h.count = state.count.value();
  h.zero_count = state.zero_count.value();
  FillBuckets(layout.positive_spans, state.buckets.size(), h.positive_buckets, h.negative_buckets,
              [&](std::size_t i, bool, double& out) { out = state.buckets[i].value(); });
  return h;
}

FloatHistogram ToFloatHistogram(const HistogramLayout& layout, const FloatHistogramState& state) {
  return ToHistogram(layout, state);
}

}  // namespace narthex::tsdb
