// SPDX-License-Identifier: Apache-2.0
//
// Turns the bytes of a response body on the wire into the caller's string.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "narthex/net/http_client.h"
#include "src/net/http1.h"
#include "src/net/inflate.h"

namespace narthex::net {

/// Undoes chunking and gzip under a size limit. Feed, then Finish when the stream ended.
class BodyReader final {
 public:
  enum class State : std::uint8_t {
    kNeedMore,
    kDone,
    kStopped,  // The sink wants no more.
    kTooLarge,
    kMalformed,
    kCorruptGzip,
    kTornGzip,
    kNotGzip,
    kBadGzipSum
  };

  /// @param body  emptied and filled; with a sink it only carries each piece to it
  /// @param sink  may be null; not owned
  BodyReader(BodyFraming framing, bool gzip, std::size_t max_bytes, std::string& body,
             const BodySink* sink = nullptr);

  /// Takes from the front of `input` what belongs to the body.
  State Feed(std::string_view& input);
  /// The peer closed the connection. kNeedMore = it closed too early.
  State Finish();

  std::size_t wire_bytes() const { return wire_bytes_; }

 private:
  State Take(std::string_view data);
  State Decode(std::string_view data);
  State End();
  /// Gives what was decoded to the sink.
  State PassOn(State state);

  const BodyFraming framing_;
  const bool gzip_;
  const std::size_t max_bytes_;
  std::string& body_;
  const BodySink* const sink_;
  std::size_t passed_on_ = 0;  // Bytes given to the sink.
  std::uint64_t left_ = 0;     // Of a kLength body.
  ChunkedDecoder chunked_;
  std::string compressed_;                // A gzip body until it is complete or large.
  std::unique_ptr<GzipDecoder> decoder_;  // Takes over when it is large.
  std::size_t wire_bytes_ = 0;
};

}  // namespace narthex::net
