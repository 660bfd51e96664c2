// SPDX-License-Identifier: Apache-2.0
//
// Writes a block from a stream of series, in memory bounded by the symbols and label pairs, not by
// the samples. Used by the head (new blocks) and by compaction.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "tsdb/block/meta.h"
#include "tsdb/chunkenc/chunk.h"

namespace narthex::tsdb {

/// Series for a block, ascending by labels, each with its chunks. Thread safety: one thread.
class BlockSource {
 public:
  virtual ~BlockSource() = default;

  /// Calls `add` with every label name and value that occurs (more are allowed), ascending and
  /// unique. Called once, before the first Next: the index begins with its symbols.
  using SymbolSink = std::function<void(std::string_view)>;
  virtual Status Symbols(const SymbolSink& add) = 0;

  /// Goes to the next series (the first one at the first call). False = no more.
  virtual Result<bool> Next() = 0;
  /// Labels and chunks of the current series, valid until the next call of Next. Chunks ascend and
  /// do not overlap; a series without chunks is left out of the block.
  virtual const model::Labels& labels() const = 0;
  virtual std::span<const ChunkView> chunks() const = 0;
};

struct BlockWriteOptions {
  std::uint64_t max_chunk_segment_bytes = 512ULL << 20;
  bool bypass_cache = false;  // Keeps chunks out of the page cache.
  bool xor2 = false;          // Of compaction: floats that are encoded anew become XOR2 chunks.
  /// Ends the work with kCancelled when true; asked now and then.
  std::function<bool()> cancelled;
};

/// Writes the block `meta.ulid` (range, compaction and unknown sections as given in `meta`) into
/// `db_dir`, durable and whole or not at all: a folder <ULID>.tmp-for-creation, synced, then
/// renamed. Series, chunk and sample numbers are counted.
/// @return the meta as written; nullopt when the source had no sample, and then there is no block
/// Errors: those of the source, kIo, kInvalidArgument (series or chunks out of order).
Result<std::optional<BlockMeta>> WriteBlock(Fs& fs, const std::string& db_dir, BlockMeta meta,
                                            BlockSource& source,
                                            const BlockWriteOptions& options = {});

}  // namespace narthex::tsdb
