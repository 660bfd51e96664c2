// SPDX-License-Identifier: Apache-2.0
//
// What a native histogram may have so that its chunk can be stored and read back. Prometheus names
// no such limits; nothing that measures something comes near them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace narthex::tsdb {

/// Of buckets, either way: a thousand times what doubles reach with the finest schema.
inline constexpr std::int64_t kMaxHistogramIndex = std::int64_t{1} << 28;
/// Offsets of spans lead at most from one end to the other.
inline constexpr std::int64_t kMaxSpanOffset = 2 * kMaxHistogramIndex;
/// Of both signs together, populated or not.
inline constexpr std::size_t kMaxHistogramBuckets = 1 << 16;
inline constexpr std::size_t kMaxHistogramSpans = 1 << 16;
inline constexpr std::size_t kMaxCustomBounds = 1 << 16;

/// Chunks are no larger; a sample with which one might be begins a new chunk.
inline constexpr std::size_t kMaxHistogramChunkBytes = (1 << 24) - 1;

/// No chunk of so many samples and so wide a layout is larger.
constexpr std::size_t MostHistogramChunkBytes(std::size_t samples, std::size_t buckets,
                                              std::size_t spans, std::size_t bounds) {
  constexpr std::size_t kNumberBytes = 10;  // Of the widest code: 77 bits.
  constexpr std::size_t kFields = 8;        // Of a chunk, and of a sample beside its buckets.
  return kNumberBytes * (kFields + 2 * spans + bounds + samples * (kFields + buckets));
}

// A chunk always has room for Prometheus's least number of samples of the largest kind.
static_assert(MostHistogramChunkBytes(10, 2 * kMaxHistogramBuckets, 2 * kMaxHistogramSpans,
                                      kMaxCustomBounds) <= kMaxHistogramChunkBytes);

}  // namespace narthex::tsdb
