// SPDX-License-Identifier: Apache-2.0
//
// Reads the records of a segment that may still grow, piece by piece.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "narthex/base/fs.h"
#include "tsdb/wal/compress.h"
#include "tsdb/wal/segment.h"

namespace narthex::tsdb::wal {

/// As SegmentReader, which wants all bytes at once. Thread safety: one thread at a time.
class LiveReader {
 public:
  enum class Step : std::uint8_t {
    kRecord,
    kEnd,  // No whole record before `size`.
    kBad,  // See reason(). Stays where it is: what a writer is about to finish may look so.
  };

  explicit LiveReader(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {}

  /// Goes to the next record before `size`. @param whole  nothing will follow: a torn end is an end
  /// @param skip_samples  passes over samples, histograms and exemplars, mostly without
  ///                      decompressing them
  Step Next(std::uint64_t size, bool whole, bool skip_samples = false);

  /// Decompressed; valid until the next call.
  ByteSpan record() const { return record_; }
  /// Where the record begins, and where the next one does.
  std::uint64_t record_offset() const { return record_offset_; }
  std::uint64_t offset() const { return offset_; }
  const std::string& reason() const { return reason_; }
  /// The file's size now.
  std::uint64_t size() const { return file_->size(); }
  std::size_t held_bytes() const {
    return window_.capacity() + joined_.capacity() + plain_.capacity();
  }

 private:
  Step ReadRecord(std::uint64_t size, bool whole);
  bool HasSamples() const;
  Step ReadFragment(std::uint64_t size, bool whole);
  Step SkipPadding(std::uint64_t size, bool whole);
  // The bytes [offset, offset + n), which are before `size`; null when they can't be read.
  const std::uint8_t* At(std::uint64_t offset, std::size_t n, std::uint64_t size);
  Step Bad(std::string reason);

  const std::unique_ptr<ReadableFile> file_;
  std::vector<std::uint8_t> window_;  // Bytes of the file from …
  std::uint64_t window_offset_ = 0;   // … here on.
  std::uint64_t offset_ = 0;
  std::uint64_t record_offset_ = 0;
  std::uint8_t flags_ = 0;
  FragmentType type_ = FragmentType::kPadding;
  ByteSpan fragment_;
  std::string joined_, plain_;
  ByteSpan record_;
  std::string reason_;
  Decompressor decompressor_;
};

}  // namespace narthex::tsdb::wal
