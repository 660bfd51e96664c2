// SPDX-License-Identifier: Apache-2.0
//
// A file written in large pieces, with a running checksum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"

namespace narthex::tsdb {

/// Put bytes into buffer(), through an Encoder, and call Spill() now and then. Thread safety: one
/// thread.
class BufferedFile {
 public:
  static Result<BufferedFile> Create(Fs& fs, const std::string& path);

  /// From now on what is written goes to the disk, and out of the page cache, every now and then.
  void BypassCache() { bypasses_cache_ = true; }

  std::string& buffer() { return buffer_; }
  /// Offset of the next byte.
  std::uint64_t position() const { return flushed_ + buffer_.size(); }

  /// Writes the buffer when it has become large.
  Status Spill() { return buffer_.size() < kSpillBytes ? Status{} : Flush(); }
  Status Flush();
  /// Zero bytes up to a multiple of `alignment`.
  void Pad(std::size_t alignment);

  /// From here on, bytes count for the checksum.
  void BeginCrc();
  /// CRC-32C of all bytes since BeginCrc.
  std::uint32_t EndCrc();

  /// Flush, fdatasync, close.
  Status SyncAndClose();

 private:
  static constexpr std::size_t kSpillBytes = 1 << 20;
  static constexpr std::uint64_t kMaxCachedBytes = 8 << 20;  // When the cache is bypassed.
  explicit BufferedFile(std::unique_ptr<WritableFile> file) : file_(std::move(file)) {}
  void UpdateCrc();
  Status Sync();

  std::unique_ptr<WritableFile> file_;
  std::string buffer_;
  std::uint64_t flushed_ = 0;
  std::uint32_t crc_ = 0;
  std::size_t crc_from_ = 0;  // In the buffer.
  bool in_crc_ = false;
  bool bypasses_cache_ = false;
  std::uint64_t synced_ = 0;  // Bytes.
};

}  // namespace narthex::tsdb
