// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/sample_run.h"

#include <algorithm>

#include "tsdb/chunkenc/histogram_reader.h"
#include "tsdb/chunkenc/xor2.h"

namespace narthex::tsdb {
namespace {

using model::CounterResetHint;
using model::TimestampMs;

bool IsDeleted(std::span<const Interval> deleted, TimestampMs t) { return Covers(deleted, t, t); }

}  // namespace

Status SampleRun::Add(const ChunkView& chunk, std::span<const Interval> deleted) {
  switch (chunk.encoding) {
    case Encoding::kHistogram:
    case Encoding::kHistogramSt:
      return AddHistograms(chunk, deleted, Kind::kInt, ints_);
    case Encoding::kFloatHistogram:
    case Encoding::kFloatHistogramSt:
      return AddHistograms(chunk, deleted, Kind::kFloatHistogram, float_histograms_);
    default:
      break;
  }
  storage::SampleColumns columns;
  NX_RETURN_IF_ERROR(
      DecodeChunk(chunk.encoding, chunk.bytes, model::kMinTime, model::kMaxTime, columns));
  for (std::size_t i = 0; i < columns.t.size(); ++i) {
    if (IsDeleted(deleted, columns.t[i])) continue;
    Add(columns.t[i], columns.v[i], columns.starts.At(i));
  }
  return {};
}

void SampleRun::Add(TimestampMs t, double v, TimestampMs start) {
  StartsOf(Kind::kFloat).Append(floats_.size(), start);
  entries_.push_back({t, static_cast<std::uint32_t>(floats_.size()), Kind::kFloat});
  floats_.push_back(v);
}

void SampleRun::Add(TimestampMs t, model::Histogram h, TimestampMs start) {
  StartsOf(Kind::kInt).Append(ints_.size(), start);
  entries_.push_back({t, static_cast<std::uint32_t>(ints_.size()), Kind::kInt});
  ints_.push_back(std::move(h));
}

void SampleRun::Add(TimestampMs t, model::FloatHistogram h, TimestampMs start) {
  StartsOf(Kind::kFloatHistogram).Append(float_histograms_.size(), start);
  entries_.push_back(
      {t, static_cast<std::uint32_t>(float_histograms_.size()), Kind::kFloatHistogram});
  float_histograms_.push_back(std::move(h));
}

template <typename H>
Status SampleRun::AddHistograms(const ChunkView& chunk, std::span<const Interval> deleted,
                                Kind kind, std::vector<H>& column) {
  NX_ASSIGN_OR_RETURN(auto samples, ReadHistograms<H>(chunk.encoding, chunk.bytes));
  for (auto& [t, h, start] : samples) {
    if (IsDeleted(deleted, t)) continue;
    StartsOf(kind).Append(column.size(), start);
    if (h.counter_reset_hint != CounterResetHint::kGauge) {
      h.counter_reset_hint = CounterResetHint::kUnknown;
    }
    entries_.push_back({t, static_cast<std::uint32_t>(column.size()), kind});
    column.push_back(std::move(h));
  }
  return {};
}

void SampleRun::Sort() {
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.t < b.t; });
  // Keeps the last of equal ones: unique from the back.
  const auto kept = std::unique(entries_.rbegin(), entries_.rend(),
                                [](const Entry& a, const Entry& b) { return a.t == b.t; });
  entries_.erase(entries_.begin(), kept.base());
}

void SampleRun::Encode(ChunkCut cut, RunEncodings encodings,
                       const std::function<void(EncodedChunk)>& emit) const {
  for (std::size_t i = 0; i < entries_.size();) {
    switch (entries_[i].kind) {
      case Kind::kFloat: {
        EncodedChunk chunk;
        chunk.mint = entries_[i].t;
        i = encodings.xor2 || StartOf(entries_[i]) != 0 ? EncodeStartedFloats(i, cut, chunk)
                                                        : EncodeFloats(i, cut, chunk);
        chunk.maxt = entries_[i - 1].t;
        emit(std::move(chunk));
        break;
      }
      case Kind::kInt:
        i = EncodeHistograms(i, cut, encodings.started_histograms, ints_, emit);
        break;
      case Kind::kFloatHistogram:
        i = EncodeHistograms(i, cut, encodings.started_histograms, float_histograms_, emit);
        break;
    }
  }
}

namespace {

// When a chunk of floats is full.
struct FloatLimits {
  std::size_t bytes, samples;
};
FloatLimits LimitsOf(ChunkCut cut, std::size_t most_sample_bytes) {
  // The state counts bytes in 16 bits.
  const std::size_t most_bytes = 0xffff - most_sample_bytes;
  return {cut == ChunkCut::kByBytes ? kMaxXorChunkBytes : most_bytes,
          cut == ChunkCut::kBySamples ? kSamplesPerChunk : std::size_t{kMaxXorSamples}};
}

}  // namespace

// Ends where a sample has a start time, for which there is no room.
std::size_t SampleRun::EncodeFloats(std::size_t begin, ChunkCut cut, EncodedChunk& out) const {
  XorState state;
  out.encoding = Encoding::kXor;
  out.bytes.resize(kXorHeaderBytes);
  const FloatLimits limits = LimitsOf(cut, kMaxXorSampleBytes);
  std::size_t i = begin;
  for (; i < entries_.size() && entries_[i].kind == Kind::kFloat; ++i) {
    if (i - begin == limits.samples || state.size > limits.bytes || StartOf(entries_[i]) != 0) {
      break;
    }
    out.bytes.resize(state.tail_offset() + kMaxXorSampleBytes);
    XorAppend(state, reinterpret_cast<std::uint8_t*>(out.bytes.data()), entries_[i].t,
              floats_[entries_[i].index]);
  }
  out.bytes.resize(state.size);
  return i;
}

std::size_t SampleRun::EncodeStartedFloats(std::size_t begin, ChunkCut cut,
                                           EncodedChunk& out) const {
  XorState state;
  state.size = kXor2HeaderBytes;
  Xor2More more;
  out.encoding = Encoding::kXor2;
  out.bytes.resize(kXor2HeaderBytes);
  const FloatLimits limits = LimitsOf(cut, kMaxXor2SampleBytes);
  std::size_t i = begin;
  for (; i < entries_.size() && entries_[i].kind == Kind::kFloat; ++i) {
    if (i - begin == limits.samples || state.size > limits.bytes) break;
    out.bytes.resize(state.tail_offset() + kMaxXor2SampleBytes);
    Xor2Append(state, more, reinterpret_cast<std::uint8_t*>(out.bytes.data()), entries_[i].t,
               floats_[entries_[i].index], StartOf(entries_[i]));
  }
  out.bytes.resize(state.size);
  return i;
}

// All histograms of this kind that follow each other.
template <typename H>
std::size_t SampleRun::EncodeHistograms(std::size_t begin, ChunkCut cut, bool all_started,
                                        const std::vector<H>& column,
                                        const std::function<void(EncodedChunk)>& emit) const {
  const Kind kind = entries_[begin].kind;
  const auto with_starts = [&](std::size_t at) {
    return all_started || StartOf(entries_[at]) != 0;
  };
  HistogramChunk<H> chunk(with_starts(begin));
  std::size_t first = begin;  // In the chunk.
  std::size_t i = begin;
  const auto seal = [&] {
    emit({entries_[first].t, entries_[i - 1].t, chunk.encoding(), chunk.bytes()});
    first = i;
  };
  const auto full = [&] {
    const std::size_t samples = i - first;
    switch (cut) {
      case ChunkCut::kNever:
        return chunk.is_full();
      case ChunkCut::kBySamples:
        return samples == kSamplesPerChunk;
      case ChunkCut::kByBytes:
        return chunk.bytes().size() > kTargetHistogramChunkBytes &&
               samples > kLeastHistogramSamples;
    }
    return false;
  };
  for (; i < entries_.size() && entries_[i].kind == kind; ++i) {
    const auto& [t, index, unused] = entries_[i];
    const H& h = column[index];
    const bool started = with_starts(i);
    if (full() || started != HasStartTimes(chunk.encoding())) {
      seal();
      chunk = HistogramChunk<H>(started);
    }
    const TimestampMs start = StartOf(entries_[i]);
    if (const auto fit = chunk.Check(h); fit.fits) {
      chunk.Append(t, h, start);
    } else {
      seal();
      chunk = {fit.header, t, h, started, start};
    }
  }
  seal();
  return i;
}

}  // namespace narthex::tsdb
