// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/compactor.h"

#include <algorithm>
#include <set>

#include "narthex/base/log.h"
#include "tsdb/compact/carried_sections.h"
#include "tsdb/compact/merge_source.h"

namespace narthex::tsdb {
namespace {

// The hint of a kind that speaks of all data stays only when all inputs have it.
void MergeHints(std::span<const BlockPtr> inputs, BlockCompaction& out) {
  const auto has = [](std::string_view hint) {
    return [hint](const BlockPtr& b) { return b->meta().compaction.HasHint(hint); };
  };
  if (std::all_of(inputs.begin(), inputs.end(), has(kHintOutOfOrder))) {
    out.hints.emplace_back(kHintOutOfOrder);
  }
  for (const std::string_view hint : {kHintStaleSeries, kHintSelectedSeries}) {
    if (std::any_of(inputs.begin(), inputs.end(), has(hint))) out.hints.emplace_back(hint);
  }
}

BlockMeta MergedMeta(std::span<const BlockPtr> inputs, const std::string& ulid) {
  BlockMeta meta;
  meta.ulid = ulid;
  meta.min_time = inputs[0]->meta().min_time;
  meta.max_time = inputs[0]->meta().max_time;
  std::set<std::string> sources;
  for (const BlockPtr& block : inputs) {
    const BlockMeta& in = block->meta();
    meta.min_time = std::min(meta.min_time, in.min_time);
    meta.max_time = std::max(meta.max_time, in.max_time);
    meta.compaction.level = std::max(meta.compaction.level, in.compaction.level);
    sources.insert(in.compaction.sources.begin(), in.compaction.sources.end());
    meta.compaction.parents.push_back({in.ulid, in.min_time, in.max_time});
  }
  ++meta.compaction.level;
  meta.compaction.sources.assign(sources.begin(), sources.end());
  MergeHints(inputs, meta.compaction);
  std::vector<const BlockMeta*> metas;
  for (const BlockPtr& block : inputs) metas.push_back(&block->meta());
  meta.unknown = CarriedSections(metas);
  return meta;
}

// Changes the compaction section of the inputs on disk.
template <typename Change>
Status MarkInputs(Fs& fs, std::span<const BlockPtr> inputs, Change&& change) {
  for (const BlockPtr& block : inputs) {
    BlockMeta meta = block->meta();
    change(meta.compaction);
    NX_RETURN_IF_ERROR(WriteBlockMeta(fs, block->dir(), meta));
  }
  return {};
}

Status MarkDeletable(Fs& fs, std::span<const BlockPtr> inputs) {
  return MarkInputs(fs, inputs, [](BlockCompaction& c) { c.deletable = true; });
}

Result<std::optional<BlockMeta>> Rewrite(Fs& fs, const std::string& db_dir,
                                         std::span<const BlockPtr> inputs, BlockMeta meta,
                                         const BlockWriteOptions& options) {
  NX_ASSIGN_OR_RETURN(const auto source, NewMergeSource(inputs, options.xor2));
  return WriteBlock(fs, db_dir, std::move(meta), *source, options);
}

Result<std::optional<BlockMeta>> RewriteAndMark(Fs& fs, const std::string& db_dir,
                                                std::span<const BlockPtr> inputs, BlockMeta meta,
                                                const BlockWriteOptions& options) {
  auto written = Rewrite(fs, db_dir, inputs, std::move(meta), options);
  // Another error, as that of a full disk, passes; what is damaged would fail again and again.
  if (!written && written.error().code() == Code::kCorruption) {
    const Status marked = MarkInputs(fs, inputs, [](BlockCompaction& c) { c.failed = true; });
    if (!marked) {
      log::Error("Failed to mark blocks after a failed compaction",
                 {{"err", marked.error().message()}});
    }
  }
  if (written && !*written) NX_RETURN_IF_ERROR(MarkDeletable(fs, inputs));
  return written;
}

}  // namespace

Result<std::optional<BlockMeta>> CompactBlocks(Fs& fs, const std::string& db_dir,
                                               std::span<const BlockPtr> inputs,
                                               const std::string& ulid,
                                               const BlockWriteOptions& options) {
  return RewriteAndMark(fs, db_dir, inputs, MergedMeta(inputs, ulid), options);
}

Result<std::optional<BlockMeta>> CleanBlock(Fs& fs, const std::string& db_dir,
                                            const BlockPtr& input, const std::string& ulid,
                                            const BlockWriteOptions& options) {
  BlockMeta meta = MergedMeta(std::span(&input, 1), ulid);
  meta.compaction.level = 1;
  meta.compaction.sources = {ulid};
  const std::span inputs(&input, 1);
  NX_ASSIGN_OR_RETURN(auto written, Rewrite(fs, db_dir, inputs, std::move(meta), options));
  if (!written) NX_RETURN_IF_ERROR(MarkDeletable(fs, inputs));
  return written;
}

}  // namespace narthex::tsdb
