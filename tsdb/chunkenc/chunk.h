// SPDX-License-Identifier: Apache-2.0
//
// Chunks: compressed runs of samples of one series, in Prometheus's encodings.
// Format: docs/formats/chunks.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/querier.h"

namespace narthex::tsdb {

/// The byte that names a chunk's encoding in files.
enum class Encoding : std::uint8_t {
  kNone = 0,
  kXor = 1,
  kHistogram = 2,
  kFloatHistogram = 3,
  kXor2 = 4,
  kHistogramSt = 5,
  kFloatHistogramSt = 6,
};

/// "XOR", "histogram", "floathistogram", …; "unknown" for other bytes.
std::string_view EncodingName(Encoding encoding);

/// Whether the chunk holds floats (and no native histograms).
inline bool IsFloatEncoding(Encoding encoding) {
  return encoding == Encoding::kXor || encoding == Encoding::kXor2;
}

/// Where a chunk is: its closed time range and its place (meaning given by the store that made it).
struct ChunkMeta {
  model::TimestampMs mint = 0;
  model::TimestampMs maxt = 0;
  std::uint64_t ref = 0;
  bool operator==(const ChunkMeta&) const = default;
};

/// A chunk that somebody else keeps in memory.
struct ChunkView {
  model::TimestampMs mint = 0;
  model::TimestampMs maxt = 0;
  Encoding encoding = Encoding::kNone;
  ByteSpan bytes;
};

/// Appends the samples with mint ≤ t ≤ maxt to `out`. Any bytes are safe to pass.
/// Errors: kCorruption (truncated, contradicting or unknown encoding), and then `out` is as before.
Status DecodeChunk(Encoding encoding, ByteSpan chunk, model::TimestampMs mint,
                   model::TimestampMs maxt, storage::SampleColumns& out);

/// The number of samples that the chunk's header tells; 0 when it is cut short.
std::uint32_t ChunkSampleCount(Encoding encoding, ByteSpan chunk);

}  // namespace narthex::tsdb
