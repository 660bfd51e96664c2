// SPDX-License-Identifier: Apache-2.0
//
// Native histogram chunks, integer and float. Source: Prometheus tsdb/docs/format/chunks.md
// (docs/formats/chunks.md).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/histogram.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/querier.h"
#include "tsdb/chunkenc/bit_reader.h"
#include "tsdb/chunkenc/chunk.h"
#include "tsdb/chunkenc/start_codec.h"

namespace narthex::tsdb {

/// What all histograms of a chunk share.
struct HistogramLayout {
  std::int32_t schema = 0;
  double zero_threshold = 0;
  std::vector<model::Span> positive_spans, negative_spans;
  std::vector<double> custom_values;
};

/// The fields of the last sample of a chunk, in the form that the next one is coded against.
/// Buckets are the positive ones, then the negative ones.
struct IntHistogramState {
  model::TimestampMs t = 0;
  std::int64_t t_delta = 0;
  std::int64_t count = 0, count_delta = 0;
  std::int64_t zero_count = 0, zero_count_delta = 0;
  XorField sum;
  std::vector<std::int64_t> buckets, bucket_deltas;  // buckets: as stored, differences.
};
struct FloatHistogramState {
  model::TimestampMs t = 0;
  std::int64_t t_delta = 0;
  XorField count, zero_count, sum;
  std::vector<XorField> buckets;
};

template <typename H>
struct HistogramTraits;
template <>
struct HistogramTraits<model::Histogram> {
  using State = IntHistogramState;
  static constexpr Encoding kEncoding = Encoding::kHistogram;
  static constexpr Encoding kStartedEncoding = Encoding::kHistogramSt;
};
template <>
struct HistogramTraits<model::FloatHistogram> {
  using State = FloatHistogramState;
  static constexpr Encoding kEncoding = Encoding::kFloatHistogram;
  static constexpr Encoding kStartedEncoding = Encoding::kFloatHistogramSt;
};

/// The size that chunks are cut for, and the samples that one has nevertheless (Prometheus
/// TargetBytesPerHistogramChunk, MinSamplesPerHistogramChunk).
inline constexpr std::size_t kTargetHistogramChunkBytes = 1024;
inline constexpr std::uint16_t kLeastHistogramSamples = 10;
/// The header counts samples in 16 bits, with start times in 14.
inline constexpr std::uint16_t kMaxHistogramSamples = 0xffff;
inline constexpr std::uint16_t kMaxStartedHistogramSamples = 0x3fff;

/// A chunk being written. H is model::Histogram or model::FloatHistogram. Thread safety: one
/// thread.
///   if (const auto fit = chunk.Check(h); fit.fits) chunk.Append(t, h);
///   else { seal(chunk.bytes()); chunk = {fit.header, t, h}; }
template <typename H>
class HistogramChunk {
 public:
  /// An empty chunk. What its first sample is to the chunk before it, the sample itself says: a
  /// gauge, a reset, or nothing.
  /// @param with_starts  it has room for start times; without, those given are passed over
  explicit HistogramChunk(bool with_starts = false);
  /// A chunk with its first sample, which may be any that is valid. `header` says what that is to
  /// the chunk before; of a gauge it is kGauge.
  HistogramChunk(model::CounterResetHint header, model::TimestampMs t, const H& h,
                 bool with_starts = false, model::TimestampMs start = 0);
  /// Goes on with a chunk from disk. Errors: kCorruption.
  static Result<HistogramChunk> Restore(ByteSpan chunk, bool with_starts = false);

  struct Fit {
    bool fits = false;
    // Of a new chunk: when it is begun because the sample does not fit, and when it is begun
    // although the sample may fit, because this one is full. Prometheus tells less in the first
    // case for float histograms.
    model::CounterResetHint header = model::CounterResetHint::kUnknown;
    model::CounterResetHint header_when_full = model::CounterResetHint::kUnknown;
  };
  /// Whether a histogram may follow in this chunk: no counter reset, same schema, zero threshold
  /// and bounds, gauge like those before, and room. New and vanished empty buckets do fit.
  Fit Check(const H& h) const;
  /// Adds a histogram that fits (any to an empty chunk) and is valid. The whole chunk is written
  /// anew when it brings new buckets.
  /// @param start  Unix milliseconds; 0 = not known
  void Append(model::TimestampMs t, const H& h, model::TimestampMs start = 0);

  Encoding encoding() const {
    return with_starts_ ? HistogramTraits<H>::kStartedEncoding : HistogramTraits<H>::kEncoding;
  }
  bool is_full() const {
    return count() == (with_starts_ ? kMaxStartedHistogramSamples : kMaxHistogramSamples);
  }
  const std::string& bytes() const { return bytes_; }
  std::uint16_t count() const;
  model::TimestampMs last_time() const { return state_.t; }
  /// Whether `h` equals the last sample (bit by bit, without the hint).
  bool EqualsLast(const H& h) const;
  /// Whether the last sample is a stale marker.
  bool last_is_stale() const;
  /// Buckets of the last sample, populated or not.
  std::size_t num_buckets() const { return state_.buckets.size(); }
  /// Bytes that this object holds.
  std::size_t memory_bytes() const;

 private:
  using State = typename HistogramTraits<H>::State;
  Fit FitOf(bool fits, model::CounterResetHint header, const H& h) const;
  void SetHeader(model::CounterResetHint header);
  void SetCount(unsigned count);
  void Encode(model::TimestampMs t, const H& h, model::TimestampMs start);
  void Recode(const HistogramLayout& wider);

  std::string bytes_;
  unsigned tail_bits_ = 0;
  bool with_starts_ = false;
  HistogramLayout layout_;
  State state_;
  StartState start_;
};

/// Makes the header of a histogram chunk of counters say nothing of a reset before it.
void ForgetReset(Encoding encoding, std::span<char> chunk);

/// A sample of a chunk in its own type.
template <typename H>
struct HistogramSample {
  model::TimestampMs t = 0;
  H histogram;
  model::TimestampMs start = 0;  // 0 = not known.
};

/// The samples of a chunk; hints as Prometheus's iterators tell them. Errors: kCorruption.
template <typename H>
Result<std::vector<HistogramSample<H>>> ReadHistograms(Encoding encoding, ByteSpan chunk);

/// Appends the histograms with mint ≤ t ≤ maxt to the histogram columns of `out`, as floats.
/// Errors: kCorruption.
Status DecodeHistograms(Encoding encoding, ByteSpan chunk, model::TimestampMs mint,
                        model::TimestampMs maxt, storage::SampleColumns& out);

}  // namespace narthex::tsdb
