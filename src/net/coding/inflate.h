// SPDX-License-Identifier: Apache-2.0
//
// gzip and zlib streams. No memory is spent on what a small input claims to expand to.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "narthex/net/gzip.h"
#include "src/net/coding/stream_decoder.h"

namespace narthex::net {

/// Decodes gzip piece by piece (also several members in a row).
class GzipDecoder final : public StreamDecoder {
 public:
  GzipDecoder();
  ~GzipDecoder() override;

  DecodeOutcome Feed(std::string_view in, std::size_t max_bytes, std::string& out) override;
  bool complete() const override;

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
