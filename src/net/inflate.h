// SPDX-License-Identifier: Apache-2.0
//
// gzip and zlib streams. No memory is spent on what a small input claims to expand to.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "narthex/net/gzip.h"

namespace narthex::net {

/// Decodes gzip piece by piece (also several members in a row).
class GzipDecoder final {
 public:
  GzipDecoder();
  ~GzipDecoder();
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  /// Appends what `in` decodes to; `out` never grows past `max_bytes` (0 = no limit).
  DecodeOutcome Feed(std::string_view in, std::size_t max_bytes, std::string& out);
  /// Whether the stream ended where a member ends.
  bool complete() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

enum class Compression : std::uint8_t { kNone, kGzip, kDeflate };

/// Encodes a stream in gzip or zlib form.
class Deflater final {
 public:
  explicit Deflater(Compression format);
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  /// Appends the encoded bytes that are ready. `last` ends the stream.
  void Feed(std::string_view in, bool last, std::string& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::net
