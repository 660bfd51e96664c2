// SPDX-License-Identifier: Apache-2.0
//
// Open chunks of native histograms.
#include <cstring>

#include "tsdb/head/chunk_store.h"

namespace narthex::tsdb {
namespace {

using model::CounterResetHint;
using model::TimestampMs;

constexpr std::size_t kTargetBytes = 1024;
constexpr int kLeastSamples = 10;

}  // namespace

bool ChunkStore::MustCutHistogram(MemSeries& series, OpenHistogram& open, int count,
                                  TimestampMs t) const {
  const std::size_t bytes = open.bytes().size();
  const TimestampMs range_end =
      open.end_estimated ? RangeEnd(open.min_time, limits_.chunk_range_ms) : series.next_at;
  if (!open.end_estimated && bytes >= kTargetBytes / 4) {
    series.next_at =
        EstimateChunkEnd(open.min_time, series.xor_state.t, series.next_at,
                         static_cast<double>(kTargetBytes) / static_cast<double>(bytes));
    open.end_estimated = true;
  }
  return (t >= series.next_at || bytes >= 2 * kTargetBytes) &&
         (count >= kLeastSamples || t >= range_end);
}

template <typename H>
bool ChunkStore::AppendHistogram(MemSeries& series, TimestampMs t, const H& h) {
  using Chunk = HistogramChunk<H>;
  bool cut = false;
  CounterResetHint header = CounterResetHint::kUnknown;
  if (series.histogram != 0 && series.encoding == HistogramTraits<H>::kEncoding) {
    OpenHistogram& open = histograms_.At(series.histogram);
    const Chunk& chunk = std::get<Chunk>(open.chunk);
    const auto fit = chunk.Check(h);
    header = fit.header;
    if (!fit.fits || MustCutHistogram(series, open, chunk.count(), t)) cut = CutOpen(series);
  } else {
    cut = CutOpen(series);  // Of another type, or none.
  }
  if (series.histogram == 0) {
    series.histogram =
        histograms_.Add(std::make_unique<OpenHistogram>(OpenHistogram{Chunk(header), t, false}));
    series.encoding = HistogramTraits<H>::kEncoding;
    series.next_at = RangeEnd(t, limits_.chunk_range_ms);
  }
  std::get<Chunk>(histograms_.At(series.histogram).chunk).Append(t, h);
  series.xor_state.t = t;
  return cut;
}

template bool ChunkStore::AppendHistogram(MemSeries&, TimestampMs, const model::Histogram&);
template bool ChunkStore::AppendHistogram(MemSeries&, TimestampMs, const model::FloatHistogram&);

template <typename H>
bool ChunkStore::EqualsLast(const MemSeries& series, const H& h) const {
  if (series.histogram == 0 || series.encoding != HistogramTraits<H>::kEncoding) return false;
  return std::get<HistogramChunk<H>>(histograms_.At(series.histogram).chunk).EqualsLast(h);
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
