// SPDX-License-Identifier: Apache-2.0
#include "tsdb/block/block.h"

#include <algorithm>

#include "tsdb/postings.h"

namespace narthex::tsdb {

using model::TimestampMs;

Result<std::shared_ptr<const Block>> Block::Open(Fs& fs, std::string dir) {
  std::shared_ptr<Block> block(new Block(std::move(dir)));
  NX_RETURN_IF_ERROR(block->Load(fs));
  return std::shared_ptr<const Block>(std::move(block));
}

Status Block::Load(Fs& fs) {
  NX_ASSIGN_OR_RETURN(meta_, ReadBlockMeta(fs, dir_));
  NX_ASSIGN_OR_RETURN(index_, IndexReader::Open(fs, JoinPath(dir_, "index")));
  postings_ = std::make_unique<MatcherCache>(*index_);
  NX_ASSIGN_OR_RETURN(chunks_, ChunkSegmentReader::Open(fs, JoinPath(dir_, "chunks")));
  NX_ASSIGN_OR_RETURN(tombstones_, ReadTombstones(fs, dir_));
  size_bytes_ = index_->size_bytes() + chunks_.size_bytes();
  for (const char* name : {"meta.json", "tombstones"}) {
    if (const auto size = fs.FileSize(JoinPath(dir_, name))) size_bytes_ += *size;
  }
  return {};
}

namespace {

// The part of [mint, maxt] in which the series has chunks; nullopt when there is none.
std::optional<Interval> ClampToChunks(std::span<const ChunkMeta> chunks, TimestampMs mint,
                                      TimestampMs maxt) {
  const bool any = std::any_of(chunks.begin(), chunks.end(), [&](const ChunkMeta& c) {
    return c.mint <= maxt && mint <= c.maxt;
  });
  if (!any) return std::nullopt;
  return Interval{std::max(mint, chunks.front().mint), std::min(maxt, chunks.back().maxt)};
}

}  // namespace

Result<bool> DeleteFromBlock(Fs& fs, const Block& block, TimestampMs mint, TimestampMs maxt,
                             std::span<const model::Matcher> matchers) {
  NX_ASSIGN_OR_RETURN(const PostingList ids, SelectPostings(block.index(), matchers));
  Tombstones tombstones = block.tombstones();
  bool marked = false;
  std::vector<ChunkMeta> chunks;
  for (const SeriesId id : ids) {
    NX_RETURN_IF_ERROR(block.index().Series(id, nullptr, &chunks));
    if (const auto interval = ClampToChunks(chunks, mint, maxt)) {
      tombstones.Add(id, *interval);
      marked = true;
    }
  }
  if (!marked) return false;
  NX_RETURN_IF_ERROR(WriteTombstones(fs, block.dir(), tombstones));
  BlockMeta meta = block.meta();
  meta.stats.num_tombstones = tombstones.num_intervals();
  NX_RETURN_IF_ERROR(WriteBlockMeta(fs, block.dir(), meta));
  return true;
}

Status LinkBlock(Fs& fs, const Block& block, const std::string& target_dir) {
  const std::string dir = JoinPath(target_dir, block.meta().ulid);
  NX_RETURN_IF_ERROR(fs.CreateDirs(JoinPath(dir, "chunks")));
  for (const char* name : {"meta.json", "index", "tombstones"}) {
    const std::string from = JoinPath(block.dir(), name);
    if (fs.Exists(from)) NX_RETURN_IF_ERROR(fs.Link(from, JoinPath(dir, name)));
  }
  const std::string chunks = JoinPath(block.dir(), "chunks");
  NX_ASSIGN_OR_RETURN(const auto segments, fs.ListDir(chunks));
  for (const DirEntry& segment : segments) {
    NX_RETURN_IF_ERROR(
        fs.Link(JoinPath(chunks, segment.name), JoinPath(JoinPath(dir, "chunks"), segment.name)));
  }
  NX_RETURN_IF_ERROR(fs.SyncDir(JoinPath(dir, "chunks")));
  return fs.SyncDir(dir);
}

model::TimestampMs CoveredUntil(std::span<const std::shared_ptr<const Block>> blocks) {
  model::TimestampMs until = model::kMinTime;
  for (const auto& block : blocks) {
    const auto& compaction = block->meta().compaction;
    if (compaction.HasHint(kHintOutOfOrder) || compaction.HasHint(kHintStaleSeries) ||
        compaction.HasHint(kHintSelectedSeries)) {
      continue;
    }
    until = std::max(until, block->meta().max_time);
  }
  return until;
}

Status RemoveBlock(Fs& fs, const std::string& db_dir, const std::string& ulid) {
  const std::string dir = JoinPath(db_dir, ulid);
  const std::string doomed = dir + std::string(kDoomedSuffix);
  if (fs.Exists(dir)) {
    NX_RETURN_IF_ERROR(fs.RemoveAll(doomed));
    NX_RETURN_IF_ERROR(fs.Rename(dir, doomed));
  }
  return fs.RemoveAll(doomed);
}

}  // namespace narthex::tsdb
