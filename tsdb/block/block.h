// SPDX-License-Identifier: Apache-2.0
//
// An open block: a folder of immutable series on disk, mapped.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/matcher.h"
#include "narthex/storage/querier.h"
#include "tsdb/block/matcher_cache.h"
#include "tsdb/block/meta.h"
#include "tsdb/block/tombstones.h"
#include "tsdb/chunks/segments.h"
#include "tsdb/index/index_reader.h"
#include "tsdb/postings.h"

namespace narthex::tsdb {

/// Shared by the database's block list and by queries; the mappings go with the last holder, so the
/// folder may be removed while queries run. Thread safety: any thread.
class Block final {
 public:
  /// Errors: kIo, kNotFound; kCorruption with the path of the file.
  static Result<std::shared_ptr<const Block>> Open(Fs& fs, std::string dir);

  const std::string& dir() const { return dir_; }
  const BlockMeta& meta() const { return meta_; }
  const IndexReader& index() const { return *index_; }
  /// The index for selecting series: remembers what regular expressions matched.
  const PostingsSource& postings() const { return *postings_; }
  const ChunkSegmentReader& chunks() const { return chunks_; }
  const Tombstones& tombstones() const { return tombstones_; }
  /// Bytes on disk of all its files.
  std::uint64_t size_bytes() const { return size_bytes_; }
  /// Bytes held in memory beside the mappings.
  std::size_t memory_bytes() const {
    return sizeof(*this) + index_->memory_bytes() + postings_->memory_bytes();
  }

 private:
  explicit Block(std::string dir) : dir_(std::move(dir)) {}
  Status Load(Fs& fs);

  const std::string dir_;
  BlockMeta meta_;
  std::unique_ptr<IndexReader> index_;
  std::unique_ptr<MatcherCache> postings_;
  ChunkSegmentReader chunks_;
  Tombstones tombstones_;
  std::uint64_t size_bytes_ = 0;
};

/// A reader of the closed range [mint, maxt] of a block, which it keeps open.
std::unique_ptr<storage::Querier> NewBlockQuerier(std::shared_ptr<const Block> block,
                                                  model::TimestampMs mint, model::TimestampMs maxt);

/// The series that match and have a chunk in the closed range that is not deleted whole, at most
/// `limit` (0 = all), in order of labels. Errors: kCancelled, kCorruption.
Result<PostingList> SelectFromBlock(const Block& block, model::TimestampMs mint,
                                    model::TimestampMs maxt,
                                    std::span<const model::Matcher> matchers, std::size_t limit,
                                    const std::stop_token& stop);

/// Marks samples with mint ≤ t ≤ maxt of the matched series as deleted: tombstones and meta.json
/// are rewritten on disk; `block` itself still shows them, so open it again.
/// @return whether anything was marked
Result<bool> DeleteFromBlock(Fs& fs, const Block& block, model::TimestampMs mint,
                             model::TimestampMs maxt, std::span<const model::Matcher> matchers);

/// Hard-links the block's files into target_dir/<ULID>.
Status LinkBlock(Fs& fs, const Block& block, const std::string& target_dir);

/// Up to where the blocks cover what the WAL has. Blocks of late or chosen series do not.
model::TimestampMs CoveredUntil(std::span<const std::shared_ptr<const Block>> blocks);

inline constexpr std::string_view kDoomedSuffix = ".tmp-for-deletion";
/// Renames a block's folder to <ULID>.tmp-for-deletion, then removes it.
Status RemoveBlock(Fs& fs, const std::string& db_dir, const std::string& ulid);

}  // namespace narthex::tsdb
