// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunkenc/chunk.h"

#include <string>

#include "narthex/base/coding.h"
#include "tsdb/chunkenc/histogram.h"
#include "tsdb/chunkenc/histogram_reader.h"
#include "tsdb/chunkenc/xor.h"
#include "tsdb/chunkenc/xor2.h"

namespace narthex::tsdb {

std::string_view EncodingName(Encoding encoding) {
  switch (encoding) {
    case Encoding::kNone:
      return "none";
    case Encoding::kXor:
      return "XOR";
    case Encoding::kHistogram:
      return "histogram";
    case Encoding::kFloatHistogram:
      return "floathistogram";
    case Encoding::kXor2:
      return "XOR2";
    case Encoding::kHistogramSt:
      return "histogramST";
    case Encoding::kFloatHistogramSt:
      return "floathistogramST";
  }
  return "unknown";
}

Status DecodeChunk(Encoding encoding, ByteSpan chunk, model::TimestampMs mint,
                   model::TimestampMs maxt, storage::SampleColumns& out) {
  switch (encoding) {
    case Encoding::kXor:
      return XorDecode(chunk, mint, maxt, out);
    case Encoding::kXor2:
      return Xor2Decode(chunk, mint, maxt, out);
    case Encoding::kHistogram:
    case Encoding::kFloatHistogram:
    case Encoding::kHistogramSt:
    case Encoding::kFloatHistogramSt:
      return DecodeHistograms(encoding, chunk, mint, maxt, out);
    case Encoding::kNone:
      break;
  }
  return Fail(Code::kCorruption,
              "unknown chunk encoding " + std::to_string(static_cast<int>(encoding)));
}

std::uint32_t ChunkSampleCount(Encoding encoding, ByteSpan chunk) {
  if (chunk.size() < 2) return 0;
  const std::uint32_t count = LoadBe16(chunk.data());
  return HasStartTimes(encoding) ? count & kStartedCountMask : count;
}

}  // namespace narthex::tsdb
