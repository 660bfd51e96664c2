// SPDX-License-Identifier: Apache-2.0
//
// What undoes the compression of a body that comes piece by piece.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "narthex/net/gzip.h"

namespace narthex::net {

/// Of one body. Thread safety: one thread at a time.
class StreamDecoder {
 public:
  StreamDecoder() = default;
  virtual ~StreamDecoder() = default;
  StreamDecoder(const StreamDecoder&) = delete;
  StreamDecoder& operator=(const StreamDecoder&) = delete;

  /// Appends what `in` decodes to; `out` never grows past `max_bytes` (0 = no limit).
  virtual DecodeOutcome Feed(std::string_view in, std::size_t max_bytes, std::string& out) = 0;
  /// Whether the stream ended where a compressed unit (member, frame) ends.
  virtual bool complete() const = 0;
};

}  // namespace narthex::net
