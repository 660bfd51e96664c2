// SPDX-License-Identifier: Apache-2.0
//
// Reads the records of log segments. Corruption rules as Prometheus's wlog.Reader.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "tsdb/wal/compress.h"
#include "tsdb/wal/segment.h"

namespace narthex::tsdb::wal {

/// The records of one segment. A last page that is cut short reads as if zeros followed.
/// Thread safety: one thread at a time.
class SegmentReader {
 public:
  /// @param bytes  the whole segment; must outlive the reader
  explicit SegmentReader(ByteSpan bytes) : bytes_(bytes) {}

  /// Moves to the next record. @return false at the end and on corruption; see reason()
  bool Next();
  /// The record, decompressed; valid until the next call.
  ByteSpan record() const { return record_; }
  /// Bytes consumed so far, padding included; just past the bad ones on corruption.
  std::uint64_t offset() const { return offset_; }
  /// Why reading stopped; empty at a clean end.
  const std::string& reason() const { return reason_; }

 private:
  enum class Step { kFragment, kEnd, kBad };
  Step ReadFragment();
  bool SkipPadding();
  /// `n` bytes at offset_, zero-filled past the end of the file; null when they leave the page.
  const std::uint8_t* Take(std::size_t n);
  bool Bad(std::string reason);
  bool CheckSequence(int position);
  bool FinishRecord();

  const ByteSpan bytes_;
  std::uint64_t offset_ = 0;
  std::uint8_t flags_ = 0;
  FragmentType type_ = FragmentType::kPadding;
  ByteSpan fragment_;
  std::string joined_;   // Stored bytes of a record in several fragments.
  std::string plain_;    // Decompressed record.
  std::string scratch_;  // A torn fragment with the zeros that follow it.
  ByteSpan record_;
  std::string reason_;
  Decompressor decompressor_;
};

/// The records of all segments of a folder, from one number on.
class LogReader {
 public:
  /// Opens lazily. @param first, last  closed range of segment numbers
  LogReader(Fs& fs, std::string dir, int first, int last)
      : fs_(fs), dir_(std::move(dir)), next_(first), last_(last) {}

  /// @return false at the end, on corruption() and on error()
  bool Next();
  ByteSpan record() const { return reader_->record(); }
  /// Number of the segment of the current record.
  int segment() const { return next_ - 1; }

  const std::optional<Corruption>& corruption() const { return corruption_; }
  const Status& status() const { return status_; }

 private:
  Fs& fs_;
  const std::string dir_;
  int next_;
  const int last_;
  std::unique_ptr<MappedFile> file_;
  std::uint64_t dropped_ = 0;  // Bytes from its start whose memory was given back.
  std::optional<SegmentReader> reader_;
  std::optional<Corruption> corruption_;
  Status status_;
};

}  // namespace narthex::tsdb::wal
