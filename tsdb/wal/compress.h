// SPDX-License-Identifier: Apache-2.0
//
// Compression of log records: snappy blocks or zstd frames, kept only when they are smaller.
#pragma once

#include <cstdint>
#include <string>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/tsdb/db.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace narthex::tsdb::wal {

/// Thread safety: one thread at a time.
class Compressor {
 public:
  explicit Compressor(WalCompression kind) : kind_(kind) {}
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  /// The bytes to store, valid until the next call (may be `record` itself), and the flag for the
  /// fragment headers.
  ByteSpan Compress(ByteSpan record, std::uint8_t& flag);
  std::size_t held_bytes() const;

 private:
  const WalCompression kind_;
  std::string buffer_;
  ZSTD_CCtx_s* context_ = nullptr;
};

/// Thread safety: one thread at a time.
class Decompressor {
 public:
  Decompressor() = default;
  ~Decompressor();
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  /// Undoes Compress into `out`. Errors: kCorruption.
  Status Decompress(ByteSpan stored, std::uint8_t flags, std::string& out);

 private:
  Status DecompressZstd(ByteSpan stored, std::string& out);
  ZSTD_DCtx_s* context_ = nullptr;
};

}  // namespace narthex::tsdb::wal
