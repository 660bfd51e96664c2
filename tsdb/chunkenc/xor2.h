// SPDX-License-Identifier: Apache-2.0
//
// XOR2 chunks: floats with room for start times, and shorter codes for regular samples than XOR
// has. Source: Prometheus's feature xor2-encoding (docs/formats/chunks.md).
#pragma once

#include <cstddef>
#include <cstdint>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/querier.h"
#include "tsdb/chunkenc/start_codec.h"
#include "tsdb/chunkenc/xor.h"

namespace narthex::tsdb {

inline constexpr std::size_t kXor2HeaderBytes = 3;
/// Bytes that appending may touch from tail_offset() on: a first sample has a time, a value and a
/// start time of up to 28 bytes in all, and the last byte is stored as part of a word.
inline constexpr std::size_t kMaxXor2SampleBytes = 40;

/// What appending needs to know beyond an XorState. Both with their defaults, but for the state's
/// size, which is kXor2HeaderBytes, belong to an empty chunk.
struct Xor2More {
  double base = 0;  // The last value that is no staleness marker: the next is coded against it.
  StartState start;
};

/// Adds a sample as XorAppendTail does; `header` is the chunk's, whose count and start time byte
/// are set. The caller keeps kMaxXor2SampleBytes in `tail`, t rising, and the count within 16 bits.
/// @param start  Unix milliseconds; 0 = not known
void Xor2AppendTail(XorState& state, Xor2More& more, std::uint8_t* header, std::uint8_t* tail,
                    model::TimestampMs t, double v, model::TimestampMs start);

/// The same where the chunk has that room: as XorAppend.
inline void Xor2Append(XorState& state, Xor2More& more, std::uint8_t* bytes, model::TimestampMs t,
                       double v, model::TimestampMs start) {
  Xor2AppendTail(state, more, bytes, bytes + state.tail_offset(), t, v, start);
}

/// Appends the samples with mint ≤ t ≤ maxt to the float columns. Errors: kCorruption.
Status Xor2Decode(ByteSpan chunk, model::TimestampMs mint, model::TimestampMs maxt,
                  storage::SampleColumns& out);

}  // namespace narthex::tsdb
