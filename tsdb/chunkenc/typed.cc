// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "narthex/tsdb/chunk_decoder.h"
#include "tsdb/chunkenc/chunk.h"
#include "tsdb/chunkenc/histogram.h"
#include "tsdb/chunkenc/histogram_limits.h"
#include "tsdb/chunkenc/xor.h"
#include "tsdb/chunkenc/xor2.h"

namespace narthex::tsdb {
namespace {

template <typename H>
Status AppendHistograms(Encoding encoding, ByteSpan bytes, storage::TypedSamples& out) {
  NX_ASSIGN_OR_RETURN(auto histograms, ReadHistograms<H>(encoding, bytes));
  for (auto& [t, h, start] : histograms) out.histograms.emplace_back(t, std::move(h));
  return {};
}

// A bit of a chunk can be a bucket of 8 bytes. Chunks of histograms have about a kilobyte; only
// such as have few samples of very many buckets come to more than this.
constexpr std::size_t kMostManySampledBytes = 1 << 20;
constexpr std::uint32_t kFewSamples = 16;

bool IsTooLarge(Encoding encoding, ByteSpan bytes) {
  if (IsFloatEncoding(encoding) || bytes.size() <= kMostManySampledBytes) return false;
  return bytes.size() > kMaxHistogramChunkBytes || ChunkSampleCount(encoding, bytes) > kFewSamples;
}

}  // namespace

Status DecodeColumns(std::uint8_t encoding_byte, std::string_view text, model::TimestampMs mint,
                     model::TimestampMs maxt, storage::SampleColumns& out) {
  const auto encoding = static_cast<Encoding>(encoding_byte);
  const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  if (IsTooLarge(encoding, bytes)) {
    return Fail(Code::kCorruption,
                "histogram chunk of " + std::to_string(bytes.size()) + " bytes is too large");
  }
  return DecodeChunk(encoding, bytes, mint, maxt, out);
}

Status DecodeChunk(const storage::EncodedChunk& chunk, storage::TypedSamples& out) {
  const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(chunk.bytes.data()),
                       chunk.bytes.size());
  const auto encoding = static_cast<Encoding>(chunk.encoding);
  switch (encoding) {
    case Encoding::kXor:
      return XorDecode(bytes, model::kMinTime, model::kMaxTime, out.floats);
    case Encoding::kXor2:
      return Xor2Decode(bytes, model::kMinTime, model::kMaxTime, out.floats);
    case Encoding::kHistogram:
    case Encoding::kHistogramSt:
      return AppendHistograms<model::Histogram>(encoding, bytes, out);
    case Encoding::kFloatHistogram:
    case Encoding::kFloatHistogramSt:
      return AppendHistograms<model::FloatHistogram>(encoding, bytes, out);
    default:
      return Fail(Code::kCorruption, "chunk of an unknown encoding");
  }
}

}  // namespace narthex::tsdb
