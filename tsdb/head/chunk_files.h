// SPDX-License-Identifier: Apache-2.0
//
// chunks_head: the files that full chunks of the head are moved to. Format: docs/formats/
// head_chunks.md.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/mutex.h"
#include "narthex/base/result.h"
#include "tsdb/chunkenc/chunk.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb {

/// A chunk as it stands in a file.
struct HeadChunk {
  wal::WalRef wal_ref = 0;
  ChunkView chunk;
  bool out_of_order = false;
};

/// Fills in the chunk's time range from its samples. Errors: kCorruption.
Status ChunkTimes(ChunkView& chunk);

struct ChunkPlace {
  std::uint32_t file = 0;
  std::uint32_t offset = 0;
};

/// Prometheus's number of a chunk in chunks_head, as it stands in the WBL.
inline std::uint64_t ChunkRefOf(ChunkPlace place) {
  return static_cast<std::uint64_t>(place.file) << 32 | place.offset;
}

/// Thread safety: any thread; writes one at a time (the class locks).
class ChunkFiles {
 public:
  /// The mapped files at one moment; immutable. Chunk bytes live as long as the view.
  using View = std::map<std::uint32_t, std::shared_ptr<const MappedFile>>;

  ChunkFiles(Fs& fs, std::string dir) : fs_(fs), dir_(std::move(dir)) {}
  ~ChunkFiles();

  /// Called for each chunk in the order of writing; its bytes live as long as the view.
  using Visitor = std::function<void(ChunkPlace, const HeadChunk&)>;
  /// Maps the folder's files and visits their chunks. A corrupt file is named in the log and moved
  /// aside with all newer ones, whose samples are still in the WAL. Call once, first.
  /// @return number of files moved aside
  Result<int> Load(const Visitor& visit);

  /// Instead of Load, when a snapshot knows the chunks: maps the files without visiting them. Their
  /// sums are checked as they are read. Errors: kIo, kCorruption; then Load may still be called.
  Status Adopt();

  /// Appends chunks with one write; fills one place per chunk. On failure nothing was written.
  Status Write(std::span<const HeadChunk> chunks, std::vector<ChunkPlace>& places);

  std::shared_ptr<const View> view() const;
  /// Reads a chunk and checks its sum. Errors: kCorruption.
  static Result<ChunkView> Read(const View& view, ChunkPlace place);

  /// The file that the next chunk may go to: chunks that are not known yet are in none before.
  std::uint32_t first_unfinished() const;
  /// Bytes of the buffer.
  std::size_t held_bytes() const;
  /// Removes the files below `first_needed`, except the current one, and ends that when it has
  /// chunks: the next chunk goes to a new file, so that a later truncation can remove this one.
  /// Source: Prometheus ChunkDiskMapper.Truncate.
  Status TruncateBefore(std::uint32_t first_needed);
  /// Cuts the reserved space off the last file and closes it. Idempotent.
  Status Close();

 private:
  Status EnsureFile(std::size_t bytes) NX_REQUIRES(write_mutex_);
  Status Reserve(std::size_t bytes) NX_REQUIRES(write_mutex_);
  Status EndFile() NX_REQUIRES(write_mutex_);
  void Publish(std::uint32_t number, std::shared_ptr<const MappedFile> file);
  std::string PathOf(std::uint32_t number) const;
  Status CheckHeader(std::uint32_t number, ByteSpan bytes) const;
  Result<std::vector<std::uint32_t>> ListFiles() const;

  Fs& fs_;
  const std::string dir_;

  mutable Mutex write_mutex_;  // Taken before view_mutex_.
  std::unique_ptr<WritableFile> file_ NX_GUARDED_BY(write_mutex_);
  std::uint32_t number_ NX_GUARDED_BY(write_mutex_) = 0;  // Of file_, or the last one so far.
  std::uint64_t written_ NX_GUARDED_BY(write_mutex_) = 0;
  std::uint64_t reserved_ NX_GUARDED_BY(write_mutex_) = 0;
  std::string buffer_ NX_GUARDED_BY(write_mutex_);

  mutable Mutex view_mutex_;
  std::shared_ptr<const View> view_ NX_GUARDED_BY(view_mutex_) = std::make_shared<View>();
};

}  // namespace narthex::tsdb
