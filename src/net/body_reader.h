// SPDX-License-Identifier: Apache-2.0
//
// Turns the bytes of a response body on the wire into the caller's string.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "narthex/net/http_client.h"
#include "src/net/coding/stream_decoder.h"
#include "src/net/http1.h"

namespace narthex::net {

/// How a body is compressed.
enum class ContentCoding : std::uint8_t { kIdentity, kGzip, kZstd };

/// What the headers of an answer say of it. Other codings count as none.
ContentCoding ContentCodingOf(const Headers& headers);

/// Undoes chunking and compression under a size limit. Feed, then Finish when the stream ended.
class BodyReader final {
 public:
  enum class State : std::uint8_t {
    kNeedMore,
    kDone,
    kStopped,  // The sink wants no more.
    kTooLarge,
    kMalformed,
    kCorrupt,    // What was compressed can't be decoded.
    kTorn,       // It ends too early.
    kBadHeader,  // It does not begin as the coding does.
    kBadSum
  };

  /// @param body  what it has is replaced; with a sink it only carries each piece to it
  /// @param sink  may be null; not owned
  BodyReader(BodyFraming framing, ContentCoding coding, std::size_t max_bytes, std::string& body,
             const BodySink* sink = nullptr);
  ~BodyReader();
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  /// Takes from the front of `input` what belongs to the body.
  State Feed(std::string_view& input);
  /// Where the next bytes of the stream may be put, instead of feeding them: straight into the
  /// body, which is whole only when this object is gone. Empty when they have to be fed.
  std::span<char> Room();
  /// So many bytes were put there.
  State Filled(std::size_t n);
  /// The peer closed the connection. kNeedMore = it closed too early.
  State Finish();

  std::size_t wire_bytes() const { return wire_bytes_; }

 private:
  /// Bytes that are still to come, as far as the body may have them.
  std::uint64_t Wanted() const;
  State PutInPlace(std::string_view data);
  State Take(std::string_view data);
  State Decode(std::string_view data);
  State End();
  /// Gives what was decoded to the sink.
  State PassOn(State state);

  const BodyFraming framing_;
  const ContentCoding coding_;
  const std::size_t max_bytes_;
  std::string& body_;
  const BodySink* const sink_;
  std::size_t passed_on_ = 0;  // Bytes given to the sink.
  // The bytes go where they stay: the body has filled_ of them, and what else it has is room. What
  // it had before is room, too, which is cheaper than room that is made.
  const bool in_place_;
  std::size_t filled_ = 0;
  std::uint64_t left_ = 0;                  // Of a kLength body.
  std::optional<ChunkedDecoder> chunked_;   // Of a kChunked body.
  std::string compressed_;                  // A gzip body until it is complete or large.
  std::unique_ptr<StreamDecoder> decoder_;  // Takes over when it is large. Of zstd: at once.
  std::size_t wire_bytes_ = 0;
};

}  // namespace narthex::net
