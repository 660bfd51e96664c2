// SPDX-License-Identifier: Apache-2.0
//
// The header of histogram chunks, and a walk over their samples.
#pragma once

#include <cstddef>
#include <cstdint>

#include "narthex/base/coding.h"
#include "narthex/base/fs.h"
#include "tsdb/chunkenc/bit_reader.h"
#include "tsdb/chunkenc/histogram.h"
#include "tsdb/chunkenc/histogram_codec.h"
#include "tsdb/chunkenc/histogram_layout.h"
#include "tsdb/chunkenc/start_codec.h"

namespace narthex::tsdb {

inline constexpr std::size_t kHistogramHeaderBytes = 3;
inline constexpr std::size_t kHistogramFlagsAt = 2;
// What the chunk's first sample is to the chunk before it, in the top bits of the flags.
inline constexpr unsigned kHistogramHintShift = 6;

inline std::uint8_t HistogramFlagsOf(model::CounterResetHint hint) {
  switch (hint) {
    case model::CounterResetHint::kReset:
      return 0b10 << kHistogramHintShift;
    case model::CounterResetHint::kNotReset:
      return 0b01 << kHistogramHintShift;
    case model::CounterResetHint::kGauge:
      return 0b11 << kHistogramHintShift;
    case model::CounterResetHint::kUnknown:
      break;
  }
  return 0;
}

inline model::CounterResetHint HistogramHintOf(std::uint8_t flags) {
  switch (flags >> kHistogramHintShift) {
    case 0b10:
      return model::CounterResetHint::kReset;
    case 0b01:
      return model::CounterResetHint::kNotReset;
    case 0b11:
      return model::CounterResetHint::kGauge;
    default:
      return model::CounterResetHint::kUnknown;
  }
}

/// Whether chunks of this encoding tell start times: hint and count share the first two bytes then,
/// and the third is about start times.
inline bool HasStartTimes(Encoding encoding) {
  return encoding == Encoding::kHistogramSt || encoding == Encoding::kFloatHistogramSt;
}
inline constexpr std::uint16_t kStartedCountMask = 0x3fff;
/// Where the hint is.
inline std::size_t HistogramHintAt(bool with_starts) { return with_starts ? 0 : kHistogramFlagsAt; }

inline auto CorruptHistogramChunk(ByteSpan chunk) {
  return Fail(Code::kCorruption, "histogram chunk of " + std::to_string(chunk.size()) +
                                     " bytes is cut short or damaged");
}

/// Walks over the samples of a chunk.
template <typename H>
class HistogramReader {
 public:
  /// The chunk has at least its header.
  HistogramReader(Encoding encoding, ByteSpan chunk) : in_(chunk.subspan(kHistogramHeaderBytes)) {
    const std::uint16_t head = LoadBe16(chunk.data());
    const bool with_starts = HasStartTimes(encoding);
    count_ = with_starts ? head & kStartedCountMask : head;
    header_ = HistogramHintOf(chunk[HistogramHintAt(with_starts)]);
    if (with_starts) starts_ = chunk[kHistogramFlagsAt];
  }

  /// False at the end or when the chunk is damaged; see ok().
  bool Next() {
    if (read_ == count_ || !in_.ok()) return false;
    const model::TimestampMs last_t = state_.t;
    if (read_ == 0) {
      layout_ = ReadLayout(in_);
      if (!in_.ok()) return false;
      ReadFirst(in_, state_,
                NumBuckets(layout_.positive_spans) + NumBuckets(layout_.negative_spans));
    } else {
      ReadNext(in_, state_);
    }
    TakeStart(in_, starts_, start_, read_, last_t, state_.t);
    ++read_;
    return in_.ok();
  }

  // What Prometheus tells readers: of the first sample nothing, also when the header knows more, as
  // the chunk before may be gone, or one may have come between.
  model::CounterResetHint hint() const {
    if (header_ == model::CounterResetHint::kGauge) return header_;
    return read_ > 1 ? model::CounterResetHint::kNotReset : model::CounterResetHint::kUnknown;
  }

  bool ok() const { return in_.ok(); }
  std::uint16_t count() const { return static_cast<std::uint16_t>(count_); }
  model::CounterResetHint header() const { return header_; }
  std::uint64_t bits_read() const { return in_.position(); }
  const HistogramLayout& layout() const { return layout_; }
  const StartState& start() const { return start_; }
  const typename HistogramTraits<H>::State& state() const { return state_; }
  typename HistogramTraits<H>::State& state() { return state_; }

 private:
  BitReader in_;
  unsigned count_ = 0;
  unsigned read_ = 0;
  model::CounterResetHint header_ = model::CounterResetHint::kUnknown;
  std::uint8_t starts_ = 0;
  StartState start_;
  HistogramLayout layout_;
  typename HistogramTraits<H>::State state_;
};

}  // namespace narthex::tsdb
