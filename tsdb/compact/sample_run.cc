// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/sample_run.h"

#include <algorithm>

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
    Add(columns.t[i], columns.v[i]);
  }
  return {};
}

void SampleRun::Add(TimestampMs t, double v) {
  entries_.push_back({t, static_cast<std::uint32_t>(floats_.size()), Kind::kFloat});
  floats_.push_back(v);
}

void SampleRun::Add(TimestampMs t, model::Histogram h) {
  entries_.push_back({t, static_cast<std::uint32_t>(ints_.size()), Kind::kInt});
  ints_.push_back(std::move(h));
}

void SampleRun::Add(TimestampMs t, model::FloatHistogram h) {
  entries_.push_back(
      {t, static_cast<std::uint32_t>(float_histograms_.size()), Kind::kFloatHistogram});
  float_histograms_.push_back(std::move(h));
}

template <typename H>
Status SampleRun::AddHistograms(const ChunkView& chunk, std::span<const Interval> deleted,
                                Kind kind, std::vector<H>& column) {
  NX_ASSIGN_OR_RETURN(auto samples, ReadHistograms<H>(chunk.encoding, chunk.bytes));
  for (auto& [t, h] : samples) {
    if (IsDeleted(deleted, t)) continue;
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

void SampleRun::Encode(ChunkCut cut, const std::function<void(EncodedChunk)>& emit) const {
  for (std::size_t i = 0; i < entries_.size();) {
    switch (entries_[i].kind) {
      case Kind::kFloat: {
        EncodedChunk chunk;
        chunk.mint = entries_[i].t;
        i = EncodeFloats(i, cut, chunk);
        chunk.maxt = entries_[i - 1].t;
        emit(std::move(chunk));
        break;
      }
      case Kind::kInt:
        i = EncodeHistograms(i, cut, ints_, emit);
        break;
      case Kind::kFloatHistogram:
        i = EncodeHistograms(i, cut, float_histograms_, emit);
        break;
    }
  }
}

std::size_t SampleRun::EncodeFloats(std::size_t begin, ChunkCut cut, EncodedChunk& out) const {
  XorState state;
  out.encoding = Encoding::kXor;
  out.bytes.resize(kXorHeaderBytes);
  // The state counts bytes in 16 bits.
  constexpr std::size_t kMostBytes = 0xffff - kMaxXorSampleBytes;
  const std::size_t most_bytes = cut == ChunkCut::kByBytes ? kMaxXorChunkBytes : kMostBytes;
  const std::size_t most_samples =
      cut == ChunkCut::kBySamples ? kSamplesPerChunk : std::size_t{kMaxXorSamples};
  std::size_t i = begin;
  for (; i < entries_.size() && entries_[i].kind == Kind::kFloat; ++i) {
    if (i - begin == most_samples || state.size > most_bytes) break;
    out.bytes.resize(state.tail_offset() + kMaxXorSampleBytes);
    XorAppend(state, reinterpret_cast<std::uint8_t*>(out.bytes.data()), entries_[i].t,
              floats_[entries_[i].index]);
  }
  out.bytes.resize(state.size);
  return i;
}

// All histograms of this kind that follow each other.
template <typename H>
std::size_t SampleRun::EncodeHistograms(std::size_t begin, ChunkCut cut,
                                        const std::vector<H>& column,
                                        const std::function<void(EncodedChunk)>& emit) const {
  const Kind kind = entries_[begin].kind;
  HistogramChunk<H> chunk;
  std::size_t first = begin;  // In the chunk.
  std::size_t i = begin;
  const auto seal = [&] {
    emit({entries_[first].t, entries_[i - 1].t, HistogramTraits<H>::kEncoding, chunk.bytes()});
    first = i;
  };
  const auto full = [&] {
    const std::size_t samples = i - first;
    switch (cut) {
      case ChunkCut::kNever:
        return samples == kMaxHistogramSamples;
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
    if (full()) {
      seal();
      chunk = {};
    }
    if (const auto fit = chunk.Check(h); fit.fits) {
      chunk.Append(t, h);
    } else {
      seal();
      chunk = {fit.header, t, h};
    }
  }
  seal();
  return i;
}

}  // namespace narthex::tsdb
