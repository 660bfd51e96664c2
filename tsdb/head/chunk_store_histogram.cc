// SPDX-License-Identifier: Apache-2.0
//
// Open chunks of native histograms.
#include <cstring>

#include "tsdb/head/chunk_store.h"

namespace narthex::tsdb {
namespace {

using model::CounterResetHint;
using model::TimestampMs;

}  // namespace

bool ChunkStore::MustCutHistogram(MemSeries& series, OpenHistogram& open, int count,
                                  TimestampMs t) const {
  const std::size_t bytes = open.bytes().size();
  const TimestampMs range_end =
      open.end_estimated ? RangeEnd(open.min_time, limits_.chunk_range_ms) : series.next_at;
  if (!open.end_estimated && bytes >= kTargetHistogramChunkBytes / 4) {
    series.next_at = EstimateChunkEnd(
        open.min_time, series.xor_state.t, series.next_at,
        static_cast<double>(kTargetHistogramChunkBytes) / static_cast<double>(bytes));
    open.end_estimated = true;
  }
  return (t >= series.next_at || bytes >= 2 * kTargetHistogramChunkBytes) &&
         (count >= kLeastHistogramSamples || t >= range_end);
}

template <typename H>
void ChunkStore::BeginHistogram(MemSeries& series, HistogramChunk<H> chunk, TimestampMs t,
                                bool end_estimated) {
  series.histogram = histograms_.Add(
      std::make_unique<OpenHistogram>(OpenHistogram{std::move(chunk), t, end_estimated}));
  series.encoding =
      started_histograms_ ? HistogramTraits<H>::kStartedEncoding : HistogramTraits<H>::kEncoding;
  series.next_at = RangeEnd(t, limits_.chunk_range_ms);
  series.xor_state.t = t;
}

template <typename H>
bool ChunkStore::AppendHistogram(MemSeries& series, TimestampMs t, const H& h, TimestampMs start) {
  using Chunk = HistogramChunk<H>;
  constexpr Encoding kPlain = HistogramTraits<H>::kEncoding;
  constexpr Encoding kStarted = HistogramTraits<H>::kStartedEncoding;
  if (series.histogram == 0 || series.encoding != (started_histograms_ ? kStarted : kPlain)) {
    const bool cut = CutOpen(series);  // Of another type, or none.
    Chunk first(started_histograms_);
    first.Append(t, h, start);
    BeginHistogram(series, std::move(first), t, false);
    return cut;
  }
  OpenHistogram& open = histograms_.At(series.histogram);
  Chunk& chunk = std::get<Chunk>(open.chunk);
  const auto fit = chunk.Check(h);
  // Whether it is full comes first, as the estimate of its end outlives a chunk that ends because a
  // sample does not fit: the chunk after it gets no estimate of its own. Source: Prometheus
  // histogramsAppendPreprocessor and appendHistogram.
  const bool full = MustCutHistogram(series, open, chunk.count(), t);
  if (!full && fit.fits) {
    chunk.Append(t, h, start);
    series.xor_state.t = t;
    return false;
  }
  const bool end_estimated = !full && open.end_estimated;
  const auto header = full ? fit.header_when_full : fit.header;
  CutOpen(series);
  BeginHistogram(series, Chunk(header, t, h, started_histograms_, start), t, end_estimated);
  return true;
}

template bool ChunkStore::AppendHistogram(MemSeries&, TimestampMs, const model::Histogram&,
                                          TimestampMs);
template bool ChunkStore::AppendHistogram(MemSeries&, TimestampMs, const model::FloatHistogram&,
                                          TimestampMs);

template <typename H>
bool ChunkStore::EqualsLast(const MemSeries& series, const H& h) const {
  if (series.histogram == 0) return false;
  const auto* chunk = std::get_if<HistogramChunk<H>>(&histograms_.At(series.histogram).chunk);
  return chunk != nullptr && chunk->EqualsLast(h);
}

template bool ChunkStore::EqualsLast(const MemSeries&, const model::Histogram&) const;
template bool ChunkStore::EqualsLast(const MemSeries&, const model::FloatHistogram&) const;

ChunkStore::HistogramFacts ChunkStore::LastHistogram(const MemSeries& series) const {
  if (series.histogram == 0) return {};
  return std::visit(
      [](const auto& chunk) {
        return HistogramFacts{chunk.last_is_stale(), chunk.num_buckets()};
      },
      histograms_.At(series.histogram).chunk);
}

void ChunkStore::CutHistogram(MemSeries& series) {
  const auto open = histograms_.Take(series.histogram);
  series.histogram = 0;
  const std::string& bytes = open->bytes();
  const ArenaRef block = arena_.Allocate(bytes.size());
  std::memcpy(arena_.At(block), bytes.data(), bytes.size());
  AddFull(series, FullChunk::InMemory(block, series.encoding, bytes.size(), series.xor_state.t));
}

}  // namespace narthex::tsdb
