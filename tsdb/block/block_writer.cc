// SPDX-License-Identifier: Apache-2.0
#include "tsdb/block/block_writer.h"

#include <vector>

#include "tsdb/block/tombstones.h"
#include "tsdb/chunks/segments.h"
#include "tsdb/index/index_writer.h"

namespace narthex::tsdb {
namespace {

// Removes a half-written folder unless the block was finished.
class PendingDir {
 public:
  PendingDir(Fs& fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  ~PendingDir() {
    // Best effort: what stays behind is removed at the next start.
    if (!done_) (void)fs_.RemoveAll(path_);
  }
  PendingDir(const PendingDir&) = delete;
  PendingDir& operator=(const PendingDir&) = delete;
  Status Create() {
    NX_RETURN_IF_ERROR(fs_.RemoveAll(path_));
    return fs_.CreateDirs(path_);
  }
  // Within `parent`. When it can't be made durable, it is taken back.
  Status MoveTo(const std::string& parent, const std::string& path) {
    NX_RETURN_IF_ERROR(fs_.SyncDir(path_));
    NX_RETURN_IF_ERROR(fs_.Rename(path_, path));
    if (auto status = fs_.SyncDir(parent); !status) {
      (void)fs_.Rename(path, path_);
      return status;
    }
    done_ = true;
    return {};
  }
  const std::string& path() const { return path_; }

 private:
  Fs& fs_;
  const std::string path_;
  bool done_ = false;
};

class SeriesCopier {
 public:
  SeriesCopier(ChunkSegmentWriter& chunks, IndexWriter& index, BlockStats& stats)
      : chunks_(chunks), index_(index), stats_(stats) {}

  Status Add(const model::Labels& labels, std::span<const ChunkView> views) {
    if (views.empty()) return {};
    metas_.clear();
    for (const ChunkView& view : views) {
      NX_ASSIGN_OR_RETURN(const std::uint64_t ref, chunks_.Add(view.encoding, view.bytes));
      metas_.push_back({view.mint, view.maxt, ref});
      Count(view);
    }
    return index_.AddSeries(labels, metas_);
  }

 private:
  void Count(const ChunkView& view) {
    const std::uint32_t samples = ChunkSampleCount(view.encoding, view.bytes);
    ++stats_.num_chunks;
    stats_.num_samples += samples;
    (IsFloatEncoding(view.encoding) ? stats_.num_float_samples : stats_.num_histogram_samples) +=
        samples;
  }

  ChunkSegmentWriter& chunks_;
  IndexWriter& index_;
  BlockStats& stats_;
  std::vector<ChunkMeta> metas_;
};

Status WriteSeries(Fs& fs, const std::string& dir, BlockStats& stats, BlockSource& source,
                   const BlockWriteOptions& options) {
  ChunkSegmentWriter chunks(fs, JoinPath(dir, "chunks"), options.max_chunk_segment_bytes,
                            options.bypass_cache);
  NX_RETURN_IF_ERROR(chunks.Open());
  NX_ASSIGN_OR_RETURN(const auto index, IndexWriter::Create(fs, JoinPath(dir, "index")));
  Status status;
  NX_RETURN_IF_ERROR(source.Symbols([&](std::string_view symbol) {
    if (status) status = index->AddSymbol(symbol);
  }));
  NX_RETURN_IF_ERROR(status);
  SeriesCopier copier(chunks, *index, stats);
  constexpr std::uint64_t kSeriesPerCheck = 1024;
  for (std::uint64_t i = 0;; ++i) {
    if (i % kSeriesPerCheck == 0 && options.cancelled && options.cancelled()) {
      return Fail(Code::kCancelled, "writing the block was cancelled");
    }
    NX_ASSIGN_OR_RETURN(const bool more, source.Next());
    if (!more) break;
    NX_RETURN_IF_ERROR(copier.Add(source.labels(), source.chunks()));
  }
  stats.num_series = index->num_series();
  NX_RETURN_IF_ERROR(chunks.Finish());
  return index->Finish();
}

}  // namespace

Result<std::optional<BlockMeta>> WriteBlock(Fs& fs, const std::string& db_dir, BlockMeta meta,
                                            BlockSource& source, const BlockWriteOptions& options) {
  const std::string final_dir = JoinPath(db_dir, meta.ulid);
  PendingDir pending(fs, final_dir + ".tmp-for-creation");
  NX_RETURN_IF_ERROR(pending.Create());
  meta.stats = {};
  NX_RETURN_IF_ERROR(WriteSeries(fs, pending.path(), meta.stats, source, options));
  if (meta.stats.num_samples == 0) return std::optional<BlockMeta>();
  NX_RETURN_IF_ERROR(WriteBlockMeta(fs, pending.path(), meta));
  NX_RETURN_IF_ERROR(WriteTombstones(fs, pending.path(), Tombstones()));
  NX_RETURN_IF_ERROR(pending.MoveTo(db_dir, final_dir));
  return std::optional<BlockMeta>(std::move(meta));
}

}  // namespace narthex::tsdb
