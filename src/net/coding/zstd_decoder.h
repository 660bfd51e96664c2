// SPDX-License-Identifier: Apache-2.0
//
// zstd streams (RFC 8878).
#pragma once

#include <memory>
#include <string>

#include "src/net/coding/stream_decoder.h"

namespace narthex::net {

/// Decodes zstd piece by piece, also several frames in a row. Frames that want a window of more
/// than 8 MiB, which nobody has to take by the RFC, are corrupt.
class ZstdDecoder final : public StreamDecoder {
 public:
  ZstdDecoder();
  ~ZstdDecoder() override;

  DecodeOutcome Feed(std::string_view in, std::size_t max_bytes, std::string& out) override;
  bool complete() const override { return complete_ && magic_.empty(); }

 private:
  /// Takes from the front of `in`, to the end of the frame at most.
  DecodeOutcome DecodeFrame(std::string_view& in, std::size_t max_bytes, std::string& out);

  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string magic_;  // The first bytes of a frame, until all of them are there.
  bool in_frame_ = false;
  bool complete_ = false;  // The bytes before magic_ are whole frames.
};

}  // namespace narthex::net
