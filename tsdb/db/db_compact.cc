// SPDX-License-Identifier: Apache-2.0
//
// What the background does: cut the head into blocks, merge blocks, apply retention.
#include <algorithm>
#include <chrono>

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include "narthex/base/log.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/block/ulid.h"
#include "tsdb/db/db_impl.h"

namespace narthex::tsdb {

using model::TimestampMs;

void Db::Impl::Publish(BlockList list, TimestampMs head_from) {
  auto next = std::make_shared<BlockList>(std::move(list));
  MutexLock view_lock(view_mutex_);
  blocks_ = std::move(next);
  head_from_ = std::max(head_from_, head_from);
}

Status Db::Impl::Reload(TimestampMs head_from) {
  metrics.reloads.Add();
  auto list = OpenBlocks();
  if (!list) {
    metrics.reloads_failed.Add();
    return Fail(std::move(list).error().Wrap("reloadBlocks"));
  }
  std::vector<std::string> obsolete = DropObsolete(*list);
  Publish(std::move(*list), head_from);
  for (const auto& ulid : obsolete) {
    log::Info("Deleting obsolete block", {{"block", ulid}});
    NX_RETURN_IF_ERROR(RemoveBlock(fs, dir, ulid));
  }
  return {};
}

// The blocks in the folder, by min time. Those that are open stay so. What can't be opened is named
// and left alone: the rest is served.
Result<BlockList> Db::Impl::OpenBlocks() {
  NX_ASSIGN_OR_RETURN(const auto entries, fs.ListDir(dir));
  const auto open = blocks();
  BlockList list;
  for (const auto& entry : entries) {
    if (!entry.is_dir || !IsUlid(entry.name)) continue;
    const auto known = std::find_if(open->begin(), open->end(), [&](const auto& block) {
      return block->meta().ulid == entry.name;
    });
    if (known != open->end()) {
      list.push_back(*known);
      continue;
    }
    auto block = Block::Open(fs, JoinPath(dir, entry.name));
    if (block) {
      list.push_back(std::move(*block));
      continue;
    }
    metrics.reloads_failed.Add();
    log::Error("Block can't be opened; its samples are missing from queries",
               {{"block", entry.name}, {"err", block.error().message()}});
  }
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
    return a->meta().min_time < b->meta().min_time;
  });
  return list;
}

// Takes out the blocks that others replace. @return their names
std::vector<std::string> Db::Impl::DropObsolete(BlockList& list) {
  absl::flat_hash_set<std::string> obsolete;
  for (const auto& block : list) {
    if (block->meta().compaction.deletable) obsolete.insert(block->meta().ulid);
    for (const auto& parent : block->meta().compaction.parents) obsolete.insert(parent.ulid);
  }
  std::vector<std::string> dropped;
  std::erase_if(list, [&](const auto& block) {
    if (!obsolete.contains(block->meta().ulid)) return false;
    dropped.push_back(block->meta().ulid);
    return true;
  });
  return dropped;
}

Status Db::Impl::Compact() {
  MutexLock work_lock(work_mutex_);
  if (closed_) return Fail(Code::kUnavailable, "the database is closed");
  NX_RETURN_IF_ERROR(Reload(model::kMinTime));
  NX_RETURN_IF_ERROR(head.Maintain());
  metrics.compactions_triggered.Add();
  NX_RETURN_IF_ERROR(CompactHead());
  return CompactBlocks();
}

Status Db::Impl::CompactHead() {
  bool cut = false;
  while (!stop_.load() && head.Compactable()) {
    const TimestampMs mint = head.min_time();
    const TimestampMs maxt = RangeEnd(mint, options.min_block_duration_ms);
    if (auto status = WriteHeadBlock(mint, maxt); !status) {
      metrics.compactions_failed.Add();
      return Fail(std::move(status).error().Wrap("compact head"));
    }
    NX_RETURN_IF_ERROR(Reload(maxt));
    NX_RETURN_IF_ERROR(head.Truncate(maxt));
    cut = true;
  }
  return cut ? head.TruncateWal(head.min_time()) : Status();
}

Status Db::Impl::WriteHeadBlock(TimestampMs mint, TimestampMs maxt) {
  const auto start = std::chrono::steady_clock::now();
  const auto source = head.NewBlockSource(mint, maxt);
  BlockMeta meta;
  meta.ulid = NewUlid(clock);
  meta.min_time = mint;
  meta.max_time = maxt;
  meta.compaction.level = 1;
  meta.compaction.sources = {meta.ulid};
  BlockWriteOptions write_options;
  write_options.max_chunk_segment_bytes = options.max_chunk_segment_bytes;
  write_options.cancelled = [this] { return stop_.load(); };
  metrics.populating_block.Set(1);
  const auto written = WriteBlock(fs, dir, meta, *source, write_options);
  metrics.populating_block.Set(0);
  if (!written) return Fail(written.error());
  metrics.compactions.Add();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  metrics.compaction_seconds.Observe(took.count());
  if (*written) {
    log::Info("write block", {{"mint", mint},
                              {"maxt", maxt},
                              {"ulid", meta.ulid},
                              {"series", (*written)->stats.num_series},
                              {"duration", fmt::format("{:.3f}s", took.count())}});
  }
  return {};
}

Status Db::Impl::CompactBlocks() { return {}; }

}  // namespace narthex::tsdb
