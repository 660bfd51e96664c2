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
  ++num_chunks_;
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

void SampleRun::Encode(std::size_t samples_per_chunk,
                       const std::function<void(EncodedChunk)>& emit) const {
  CounterResetHint header = CounterResetHint::kUnknown;
  for (std::size_t i = 0; i < entries_.size();) {
    const std::size_t limit = std::min(entries_.size(), i + samples_per_chunk);
    EncodedChunk chunk;
    chunk.mint = entries_[i].t;
    switch (entries_[i].kind) {
      case Kind::kFloat:
        i = EncodeFloats(i, limit, chunk);
        header = CounterResetHint::kUnknown;
        break;
      case Kind::kInt:
        i = EncodeHistograms(i, limit, ints_, header, chunk);
        break;
      case Kind::kFloatHistogram:
        i = EncodeHistograms(i, limit, float_histograms_, header, chunk);
        break;
    }
    chunk.maxt = entries_[i - 1].t;
    emit(std::move(chunk));
  }
}

std::size_t SampleRun::EncodeFloats(std::size_t begin, std::size_t limit, EncodedChunk& out) const {
  XorState state;
  out.encoding = Encoding::kXor;
  out.bytes.resize(kXorHeaderBytes);
  std::size_t i = begin;
  // The state counts bytes in 16 bits.
  constexpr std::size_t kMostBytes = 0xffff - kMaxXorSampleBytes;
  for (; i < limit && entries_[i].kind == Kind::kFloat && state.size <= kMostBytes; ++i) {
    out.bytes.resize(state.tail_offset() + kMaxXorSampleBytes);
    XorAppend(state, reinterpret_cast<std::uint8_t*>(out.bytes.data()), entries_[i].t,
              floats_[entries_[i].index]);
  }
  out.bytes.resize(state.size);
  return i;
}

// `header` says what the first sample is to the chunk before, and is set for the next one.
template <typename H>
std::size_t SampleRun::EncodeHistograms(std::size_t begin, std::size_t limit,
                                        const std::vector<H>& column, CounterResetHint& header,
                                        EncodedChunk& out) const {
  const Kind kind = entries_[begin].kind;
  HistogramChunk<H> chunk(header);
  header = CounterResetHint::kUnknown;
  std::size_t i = begin;
  for (; i < entries_.size() && entries_[i].kind == kind; ++i) {
    H h = column[entries_[i].index];
    // Hints of merged chunks are about neighbours that may have changed; Check finds real resets.
    const bool trusted = num_chunks_ == 1 || h.counter_reset_hint == CounterResetHint::kGauge;
    if (!trusted) h.counter_reset_hint = CounterResetHint::kUnknown;
    const auto fit = chunk.Check(h);
    if (i == limit || !fit.fits) {
      header = fit.header;
      break;
    }
    chunk.Append(entries_[i].t, h);
  }
  out.encoding = HistogramTraits<H>::kEncoding;
  out.bytes = chunk.bytes();
  return i;
}

}  // namespace narthex::tsdb
