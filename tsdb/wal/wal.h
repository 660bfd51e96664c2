// SPDX-License-Identifier: Apache-2.0
//
// The write side of the log: records into pages into segments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"
#include "narthex/base/mutex.h"
#include "narthex/base/result.h"
#include "narthex/tsdb/db.h"
#include "narthex/tsdb/wal_tail.h"
#include "tsdb/wal/compress.h"
#include "tsdb/wal/segment.h"

namespace narthex::tsdb::wal {

struct WalOptions {
  std::uint64_t segment_bytes = 128 << 20;  // A multiple of the page size.
  WalCompression compression = WalCompression::kSnappy;
};

/// What the log tells about itself; all members may be null.
struct WalMetrics {
  metrics::Counter* page_flushes = nullptr;
  metrics::Counter* completed_pages = nullptr;
  metrics::Counter* writes_failed = nullptr;
  metrics::Counter* record_parts = nullptr;
  metrics::Counter* bytes_written = nullptr;
  metrics::Counter* bytes_saved = nullptr;  // By compression.
  metrics::Gauge* current_segment = nullptr;
  metrics::Summary* fsync_seconds = nullptr;
};

/// A log folder open for writing. Always begins a new segment: bytes of an earlier process are
/// never followed by ours. Thread safety: any thread.
class Wal {
 public:
  /// @param first  number of the first segment when the folder has none
  /// Errors: kInvalidArgument "invalid segment size", kCorruption, kIo.
  static Result<std::unique_ptr<Wal>> Open(Fs& fs, std::string dir, const WalOptions& options,
                                           WalMetrics metrics, int first = 0);
  ~Wal();
  Wal(const Wal&) = delete;
  Wal& operator=(const Wal&) = delete;

  /// Appends the records with one write. Empty records are skipped. When the write fails, the file
  /// is cut back, so that nothing of the set stays; until that succeeds every call fails.
  Status Log(std::span<const std::string> records);
  /// Ends the current segment and begins the next. @return the new one's number
  Result<int> NextSegment();
  /// fdatasync of what was written so far; appends go on meanwhile.
  Status Sync();
  /// Pads the last page, syncs and closes. Idempotent.
  Status Close();
  /// Removes the segments below `number`.
  Status TruncateBefore(int number);

  int current_segment() const;
  /// For those who follow the log.
  std::shared_ptr<const WalProgress> progress() const { return progress_; }
  /// Bytes of the buffers.
  std::size_t held_bytes() const;
  const std::string& dir() const { return dir_; }

 private:
  struct Segment;

  Wal(Fs& fs, std::string dir, const WalOptions& options, WalMetrics metrics);
  Status OpenSegment(int number) NX_REQUIRES(mutex_);
  Status EnsureSegment() NX_REQUIRES(mutex_);
  Status EndSegment() NX_REQUIRES(mutex_);
  Status Flush() NX_REQUIRES(mutex_);
  Status CutBack() NX_REQUIRES(mutex_);
  void PadPage() NX_REQUIRES(mutex_);
  void AddRecord(ByteSpan record, std::uint8_t flag) NX_REQUIRES(mutex_);
  bool Fits(std::size_t record_bytes) const NX_REQUIRES(mutex_);
  std::uint64_t position() const NX_REQUIRES(mutex_);

  Fs& fs_;
  const std::string dir_;
  const WalOptions options_;
  const WalMetrics metrics_;
  const std::shared_ptr<WalProgress> progress_ = std::make_shared<WalProgress>();

  mutable Mutex mutex_;                                     // Leaf lock.
  std::shared_ptr<Segment> segment_ NX_GUARDED_BY(mutex_);  // Null after a segment was ended.
  int number_ NX_GUARDED_BY(mutex_) = 0;                    // Of segment_, or of the ended one.
  std::vector<std::shared_ptr<Segment>> ended_ NX_GUARDED_BY(mutex_);  // To be synced and closed.
  std::uint64_t written_ NX_GUARDED_BY(mutex_) = 0;  // Bytes of the segment that are in the file.
  std::string pending_ NX_GUARDED_BY(mutex_);        // Framed bytes that follow them.
  bool dirty_tail_ NX_GUARDED_BY(mutex_) = false;    // A failed write left bytes past written_.
  bool closed_ NX_GUARDED_BY(mutex_) = false;
  Compressor compressor_ NX_GUARDED_BY(mutex_);
};

/// Makes a segment readable again after `corruption`: the records before the bad bytes are kept,
/// also for other programs that read the folder. The old file is moved aside as
/// AsidePath says, or removed when it was the last segment, whose torn end holds nothing whole.
/// Prometheus deletes all later segments here; they are intact, because no record leaves its
/// segment, so they stay. @return number of bytes that were given up
Result<std::uint64_t> RepairSegment(Fs& fs, const Corruption& corruption,
                                    const WalOptions& options);

}  // namespace narthex::tsdb::wal
