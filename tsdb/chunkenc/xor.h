// SPDX-License-Identifier: Apache-2.0
//
// XOR chunks: floats with double-delta times and XORed values. Source: Facebook's Gorilla paper,
// section 4.1, with Prometheus's bit widths (docs/formats/chunks.md).
#pragma once

#include <cstddef>
#include <cstdint>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/querier.h"
#include "tsdb/relaxed.h"

namespace narthex::tsdb {

/// What appending to an XOR chunk needs to know about the samples in it. The bytes live elsewhere;
/// XorState{} belongs to an empty chunk.
struct XorState {
  static constexpr std::uint8_t kNoWindow = 0xff;

  model::TimestampMs t = 0;          // Of the last sample.
  std::int64_t delta = 0;            // Last t minus the one before it.
  double v = 0;                      // Of the last sample.
  std::uint16_t count = 0;           // Samples.
  Relaxed<std::uint16_t> size = 2;   // Bytes in use, with the 2-byte header.
  std::uint8_t leading = kNoWindow;  // Zero bits around the last written significant ones.
  std::uint8_t trailing = 0;
  std::uint8_t tail_bits = 0;  // Bits used in the last byte; 0 = all of them.

  /// Offset of the byte that the next bit goes to: the last one, or the one after it.
  std::size_t tail_offset() const { return size - (tail_bits != 0 ? std::size_t{1} : 0); }
};
static_assert(sizeof(XorState) == 32);

inline constexpr std::size_t kXorHeaderBytes = 2;
/// Bytes that XorAppend may touch from tail_offset() on.
inline constexpr std::size_t kMaxXorSampleBytes = 24;
/// A chunk that has more bytes takes no further sample: it stays below 1 KiB (Prometheus
/// MaxBytesPerXORChunkBeforeAppend).
inline constexpr std::size_t kMaxXorChunkBytes = 1024 - 19;
/// The header counts samples in 16 bits, and so does XorState.
inline constexpr std::uint16_t kMaxXorSamples = 0xffff;

/// Adds a sample: writes at and after bytes[state.tail_offset()], and the count into bytes[0..1].
/// The caller keeps kMaxXorSampleBytes writable from the tail on, t rising, and count and size
/// within 16 bits.
void XorAppend(XorState& state, std::uint8_t* bytes, model::TimestampMs t, double v);

/// XorAppend for chunks of `room` bytes, of which no others are touched: the common case, at least
/// eight bytes, two samples before this one, and the interval about the same.
/// @return false, and nothing is changed, when the sample does not fit or is not a common one
bool XorAppendWithin(XorState& state, std::uint8_t* bytes, std::size_t room, model::TimestampMs t,
                     double v);

/// XorAppend for chunks without spare room: the same bytes go to `tail`, a scratch buffer of
/// kMaxXorSampleBytes whose first byte is a copy of the chunk's byte at the old tail_offset().
/// The caller then copies [old tail_offset(), new size) into the chunk and stores the count (big
/// endian, 16 bits) in its header.
void XorAppendTail(XorState& state, std::uint8_t* tail, model::TimestampMs t, double v);

/// The state after the last sample of a chunk, to go on appending to it.
/// Errors: kCorruption, also for chunks beyond 64 KiB, which appending does not handle.
Result<XorState> XorRestore(ByteSpan chunk);

/// Appends the samples with mint ≤ t ≤ maxt to out.t and out.v. Errors: kCorruption.
Status XorDecode(ByteSpan chunk, model::TimestampMs mint, model::TimestampMs maxt,
                 storage::SampleColumns& out);

}  // namespace narthex::tsdb
