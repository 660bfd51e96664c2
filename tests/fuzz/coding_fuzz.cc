// SPDX-License-Identifier: Apache-2.0
//
// Compressed bodies; the first byte says in which coding. Properties: no limit is passed, and what
// comes out does not depend on the pieces in which it comes in.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/check.h"
#include "narthex/net/gzip.h"
#include "src/net/coding/inflate.h"
#include "src/net/coding/zstd_decoder.h"

namespace narthex::net {
namespace {

constexpr std::size_t kLimit = 256 << 10;

struct Decoded {
  DecodeOutcome outcome = DecodeOutcome::kOk;
  bool complete = false;
  std::string text;
};

template <typename Decoder>
Decoded Decode(std::string_view bytes, std::size_t step) {
  Decoder decoder;
  Decoded result;
  for (std::size_t at = 0; at < bytes.size() && result.outcome == DecodeOutcome::kOk; at += step) {
    result.outcome = decoder.Feed(bytes.substr(at, step), kLimit, result.text);
  }
  NX_CHECK(result.text.size() <= kLimit, "the limit is passed");
  result.complete = decoder.complete();
  return result;
}

/// @param strict  what is wrong shows in any pieces; zstd's library looks at the size that a frame
///                tells only when the whole frame is there at once
template <typename Decoder>
Decoded Check(std::string_view bytes, bool strict) {
  Decoded whole = Decode<Decoder>(bytes, std::max<std::size_t>(bytes.size(), 1));
  const Decoded pieces = Decode<Decoder>(bytes, 1);
  const bool both = whole.outcome == DecodeOutcome::kOk && pieces.outcome == DecodeOutcome::kOk;
  // What is wrong behind the limit shows before or after that is reached.
  const bool limited =
      whole.outcome == DecodeOutcome::kTooLarge || pieces.outcome == DecodeOutcome::kTooLarge;
  if (strict && !limited) {
    NX_CHECK(whole.outcome == pieces.outcome, "the outcome depends on the pieces");
  }
  if (both) {
    NX_CHECK(whole.text == pieces.text, "the text depends on the pieces");
    NX_CHECK(whole.complete == pieces.complete, "the end depends on the pieces");
  }
  return whole;
}

void CheckGzip(std::string_view bytes) {
  const Decoded streamed = Check<GzipDecoder>(bytes, true);
  std::string text;
  const DecodeOutcome outcome = Gunzip(bytes, kLimit, text);
  NX_CHECK(text.size() <= kLimit, "the limit is passed at once");
  if (outcome != DecodeOutcome::kOk) return;
  NX_CHECK(streamed.outcome == DecodeOutcome::kOk && streamed.complete, "decoded at once only");
  NX_CHECK(streamed.text == text, "decoded at once it is another text");
}

}  // namespace
}  // namespace narthex::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace narthex::net;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'g') CheckGzip(bytes);
  if (data[0] == 'z') Check<ZstdDecoder>(bytes, false);
  return 0;
}
