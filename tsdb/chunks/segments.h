// SPDX-License-Identifier: Apache-2.0
//
// The chunks/ folder of a block: segment files of checksummed chunks. Format:
// docs/formats/chunks.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "tsdb/buffered_file.h"
#include "tsdb/chunkenc/chunk.h"

namespace narthex::tsdb {

/// A chunk as it lies in a mapped segment.
struct StoredChunk {
  Encoding encoding = Encoding::kNone;
  ByteSpan bytes;
};

/// Writes segments 000001, 000002, … into a new folder. Thread safety: one thread.
class ChunkSegmentWriter {
 public:
  /// @param bypass_cache  keeps the segments out of the page cache
  ChunkSegmentWriter(Fs& fs, std::string dir, std::uint64_t max_segment_bytes,
                     bool bypass_cache = false)
      : fs_(fs),
        dir_(std::move(dir)),
        max_segment_bytes_(max_segment_bytes),
        bypass_cache_(bypass_cache) {}

  /// Creates the folder.
  Status Open();
  /// @return the chunk's ref: segment number from 0 << 32 | offset
  Result<std::uint64_t> Add(Encoding encoding, ByteSpan bytes);
  /// Syncs the last segment and the folder.
  Status Finish();

 private:
  Status CutSegment();

  Fs& fs_;
  const std::string dir_;
  const std::uint64_t max_segment_bytes_;
  const bool bypass_cache_;
  std::optional<BufferedFile> file_;
  std::uint32_t num_segments_ = 0;
};

/// All segments of a block, mapped. Thread safety: any thread.
class ChunkSegmentReader {
 public:
  /// Errors: kIo; kCorruption "invalid magic number X", "invalid chunk format version N".
  static Result<ChunkSegmentReader> Open(Fs& fs, const std::string& dir);

  /// Checks bounds and checksum. Errors: kCorruption with the ref's place.
  Result<StoredChunk> Read(std::uint64_t ref) const;
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  std::vector<std::unique_ptr<MappedFile>> segments_;
  std::uint64_t size_bytes_ = 0;
};

/// "000001" for segment 0.
std::string ChunkSegmentName(std::uint32_t segment);

}  // namespace narthex::tsdb
