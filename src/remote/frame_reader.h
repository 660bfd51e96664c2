// SPDX-License-Identifier: Apache-2.0
//
// Cuts the body of a streamed answer, which comes in pieces, into frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "narthex/base/result.h"

namespace narthex::remote {

/// A frame is the length of its message as varint, the message's CRC-32C (big endian), the message.
/// Source: Prometheus storage/remote ChunkedReader. Memory: one message, and no more of that than
/// has come. Thread safety: one thread.
class FrameReader final {
 public:
  /// Called with each message; the view lives for the call. Errors: end the answer.
  using OnMessage = std::function<Status(std::string_view)>;

  /// @param max_bytes  of a message
  FrameReader(std::uint64_t max_bytes, OnMessage on_message)
      : max_bytes_(max_bytes), on_message_(std::move(on_message)) {}

  /// Takes the next piece of the body. Errors: kUnavailable, what is wrong with it; those of
  /// `on_message`.
  Status Feed(std::string_view piece);
  /// The body has ended. Errors: kUnavailable "unexpected EOF" within a frame.
  Status Finish() const;

  std::size_t held_bytes() const { return pending_.capacity(); }

 private:
  /// Takes the first frame off `bytes` when all of it is there. @return whether it was
  Result<bool> TakeFrame(std::string_view& bytes);

  const std::uint64_t max_bytes_;
  const OnMessage on_message_;
  std::string pending_;     // The beginning of a frame.
  std::size_t wanted_ = 0;  // So many bytes it has; 0 = its length is not known.
};

}  // namespace narthex::remote
