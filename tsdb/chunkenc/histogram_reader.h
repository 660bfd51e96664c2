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
    const bool start_times =
        encoding == Encoding::kHistogramSt || encoding == Encoding::kFloatHistogramSt;
    count_ = start_times ? head & 0x3fff : head;
    header_ = HistogramHintOf(start_times ? chunk[0] : chunk[kHistogramFlagsAt]);
    if (start_times) st_ = chunk[kHistogramFlagsAt];
  }

  /// False at the end or when the chunk is damaged; see ok().
  bool Next() {
    if (read_ == count_ || !in_.ok()) return false;
    if (read_ == 0) {
      layout_ = ReadLayout(in_);
      if (!in_.ok()) return false;
      ReadFirst(in_, state_,
                NumBuckets(layout_.positive_spans) + NumBuckets(layout_.negative_spans));
    } else {
      ReadNext(in_, state_);
    }
    SkipStartTime();
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
  const typename HistogramTraits<H>::State& state() const { return state_; }
  typename HistogramTraits<H>::State& state() { return state_; }

 private:
  // Chunks with start times tell the first one, and from the first change on one a sample.
  void SkipStartTime() {
    const unsigned first_change = st_ & 0x7f;
    if (read_ == 0) {
      if ((st_ & 0x80) != 0) in_.Varint();
    } else if (first_change != 0 && read_ >= first_change) {
      in_.VarbitInt();
    }
  }

  BitReader in_;
  unsigned count_ = 0;
  unsigned read_ = 0;
  model::CounterResetHint header_ = model::CounterResetHint::kUnknown;
  std::uint8_t st_ = 0;
  HistogramLayout layout_;
  typename HistogramTraits<H>::State state_;
};

}  // namespace narthex::tsdb
