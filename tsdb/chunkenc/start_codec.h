// SPDX-License-Identifier: Apache-2.0
//
// Start times within chunks: one byte of the header and, behind samples, bits. The encodings that
// have room for them share this. Format: docs/formats/chunks.md.
#pragma once

#include <cstdint>

#include "narthex/model/timestamp.h"
#include "tsdb/chunkenc/bit_reader.h"
#include "tsdb/chunkenc/bit_stream.h"

namespace narthex::tsdb {

inline constexpr std::uint8_t kFirstStartKnown = 0x80;
/// The index of the first sample whose start time differs from the one before; 0 = none. From there
/// on each sample tells its own. Later than the highest index it can't begin, so there it must.
inline constexpr std::uint8_t kFirstStartChange = 0x7f;

inline std::int64_t TimeBetween(model::TimestampMs earlier, model::TimestampMs later) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(later) -
                                   static_cast<std::uint64_t>(earlier));
}

/// What coding the next start time needs to know.
struct StartState {
  model::TimestampMs start = 0;  // Of the last sample.
  std::int64_t before = 0;  // How long it lies before the last sample but one; since the change.
};

/// Writes what tells the start time of sample `index` behind the sample itself.
/// @param header  the byte of the chunk so far. @return the byte from now on
template <typename Bits>
std::uint8_t PutStart(Bits& out, std::uint8_t header, StartState& state, unsigned index,
                      model::TimestampMs last_t, model::TimestampMs t, model::TimestampMs start) {
  const unsigned change = header & kFirstStartChange;
  if (index == 0) {
    if (start != 0) {
      PutVarintBits(out, TimeBetween(start, t));
      header |= kFirstStartKnown;
    }
  } else if (change != 0) {
    const std::int64_t before = TimeBetween(start, last_t);
    PutVarbitInt(out, TimeBetween(state.before, before));
    state.before = before;
  } else if ((start != state.start && index < kFirstStartChange) || index == kFirstStartChange) {
    state.before = TimeBetween(start, last_t);
    PutVarbitInt(out, state.before);
    header |= static_cast<std::uint8_t>(index);
  }
  state.start = start;
  return header;
}

/// The other way round.
inline void TakeStart(BitReader& in, std::uint8_t header, StartState& state, unsigned index,
                      model::TimestampMs last_t, model::TimestampMs t) {
  const unsigned change = header & kFirstStartChange;
  if (index == 0) {
    if ((header & kFirstStartKnown) != 0) state.start = TimeBetween(in.Varint(), t);
  } else if (change != 0 && index >= change) {
    const std::int64_t read = in.VarbitInt();
    const std::uint64_t sum =
        static_cast<std::uint64_t>(state.before) + static_cast<std::uint64_t>(read);
    state.before = index == change ? read : static_cast<std::int64_t>(sum);
    state.start = TimeBetween(state.before, last_t);
  }
}

}  // namespace narthex::tsdb
