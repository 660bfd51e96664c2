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
#include "tsdb/compact/compactor.h"
#include "tsdb/compact/plan.h"
#include "tsdb/compact/retention.h"
#include "tsdb/db/db_impl.h"

namespace narthex::tsdb {

using model::TimestampMs;

namespace {

// Counts chunks on their way into their first block.
class MeasuredSource final : public BlockSource {
 public:
  MeasuredSource(BlockSource& source, DbMetrics& metrics) : source_(source), metrics_(metrics) {}
  Status Symbols(const SymbolSink& add) override { return source_.Symbols(add); }
  Result<bool> Next() override {
    NX_ASSIGN_OR_RETURN(const bool more, source_.Next());
    if (!more) return false;
    for (const auto& chunk : source_.chunks()) {
      // In milliseconds in spite of its name, as Prometheus has it.
      metrics_.chunk_range_seconds.Observe(static_cast<double>(chunk.maxt - chunk.mint));
      metrics_.chunk_samples.Observe(ChunkSampleCount(chunk.encoding, chunk.bytes));
      metrics_.chunk_bytes.Observe(static_cast<double>(chunk.bytes.size()));
    }
    return true;
  }
  const model::Labels& labels() const override { return source_.labels(); }
  std::span<const ChunkView> chunks() const override { return source_.chunks(); }

 private:
  BlockSource& source_;
  DbMetrics& metrics_;
};

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

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
    const std::string path = JoinPath(dir, entry.name);
    // Compaction and deletion write to meta.json; what they say counts from the next reload on.
    if (known != open->end()) {
      const auto meta = ReadBlockMeta(fs, path);
      if (meta && FormatBlockMeta(*meta) == FormatBlockMeta((*known)->meta())) {
        list.push_back(*known);
        continue;
      }
    }
    auto block = Block::Open(fs, path);
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
  DropBeyondRetention(list, dropped);
  return dropped;
}

void Db::Impl::DropBeyondRetention(BlockList& list, std::vector<std::string>& dropped) {
  const auto drop = [&](const std::vector<std::size_t>& indexes, metrics::Counter& count) {
    if (indexes.empty()) return;
    count.Add();
    BlockList kept;
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (std::find(indexes.begin(), indexes.end(), i) == indexes.end()) {
        kept.push_back(list[i]);
      } else {
        dropped.push_back(list[i]->meta().ulid);
      }
    }
    list = std::move(kept);
  };
  const auto retained = [&] {
    std::vector<RetainedBlock> out;
    for (const auto& block : list) out.push_back({block->meta().max_time, block->size_bytes()});
    return out;
  };
  drop(BeyondTimeRetention(retained(), retention_ms.load()), metrics.time_retentions);
  drop(BeyondSizeRetention(retained(), head.SizeOnDisk(), retention_bytes.load()),
       metrics.size_retentions);
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
    if (auto status = CutHead(mint, maxt); !status) {
      metrics.compactions_failed.Add();
      return Fail(std::move(status).error().Wrap("compact head"));
    }
    NX_RETURN_IF_ERROR(Reload(maxt));
    NX_RETURN_IF_ERROR(head.Truncate(maxt));
    cut = true;
  }
  return cut ? head.TruncateWal(head.min_time()) : Status();
}

Status Db::Impl::CutHead(TimestampMs mint, TimestampMs maxt) {
  NX_ASSIGN_OR_RETURN(const auto head_source, head.NewBlockSource(mint, maxt));
  MeasuredSource source(*head_source, metrics);
  return WriteHeadBlock(dir, source, mint, maxt);
}

Status Db::Impl::WriteHeadBlock(const std::string& target, BlockSource& source, TimestampMs mint,
                                TimestampMs maxt) {
  const auto start = std::chrono::steady_clock::now();
  BlockMeta meta;
  meta.ulid = NewUlid(clock);
  meta.min_time = mint;
  meta.max_time = maxt;
  meta.compaction.level = 1;
  meta.compaction.sources = {meta.ulid};
  metrics.populating_block.Set(1);
  const auto written = WriteBlock(fs, target, meta, source, WriteOptions());
  metrics.populating_block.Set(0);
  if (!written) return Fail(written.error());
  metrics.compactions.Add();
  metrics.compaction_seconds.Observe(SecondsSince(start));
  if (*written) {
    log::Info("write block", {{"mint", mint},
                              {"maxt", maxt},
                              {"ulid", meta.ulid},
                              {"series", (*written)->stats.num_series},
                              {"duration", fmt::format("{:.3f}s", SecondsSince(start))}});
  }
  return {};
}

BlockWriteOptions Db::Impl::WriteOptions() const {
  BlockWriteOptions write_options;
  write_options.max_chunk_segment_bytes = options.max_chunk_segment_bytes;
  write_options.cancelled = [this] { return stop_.load(); };
  return write_options;
}

// Merges blocks until there is nothing to merge, or the head wants to be cut again.
Status Db::Impl::CompactBlocks() {
  const model::DurationMs longest =
      options.max_block_duration_ms > 0
          ? options.max_block_duration_ms
          : DefaultMaxBlockDuration(options.min_block_duration_ms, retention_ms.load());
  const auto ranges = BlockRanges(options.min_block_duration_ms, longest);
  while (!stop_.load() && !head.Compactable()) {
    const auto list = blocks();
    std::vector<const BlockMeta*> metas;
    for (const auto& block : *list) metas.push_back(&block->meta());
    const auto plan = PlanCompaction(metas, ranges);
    if (plan.empty()) return {};
    std::vector<BlockPtr> inputs;
    for (const std::size_t i : plan) inputs.push_back((*list)[i]);
    if (auto status = MergeBlocks(std::move(inputs)); !status) {
      if (status.error().code() == Code::kCancelled) return status;
      metrics.compactions_failed.Add();
      (void)Reload(model::kMinTime);  // The inputs may be marked as failed now.
      return Fail(std::move(status).error().Wrap("compact blocks"));
    }
    NX_RETURN_IF_ERROR(Reload(model::kMinTime));
  }
  return {};
}

Status Db::Impl::MergeBlocks(std::vector<BlockPtr> inputs) {
  const auto start = std::chrono::steady_clock::now();
  TimestampMs end = model::kMinTime;
  bool overlap = false;
  for (const auto& block : inputs) {
    overlap = overlap || block->meta().min_time < end;
    end = std::max(end, block->meta().max_time);
  }
  if (overlap) metrics.vertical_compactions.Add();
  // By age: where two blocks have a sample of the same time, the newer block's stays.
  std::sort(inputs.begin(), inputs.end(),
            [](const auto& a, const auto& b) { return a->meta().ulid < b->meta().ulid; });
  const std::string ulid = NewUlid(clock);
  metrics.populating_block.Set(1);
  const auto written = tsdb::CompactBlocks(fs, dir, inputs, ulid, WriteOptions());
  metrics.populating_block.Set(0);
  if (!written) return Fail(written.error());
  metrics.compactions.Add();
  metrics.compaction_seconds.Observe(SecondsSince(start));
  log::Info("compact blocks", {{"count", inputs.size()},
                               {"ulid", *written ? ulid : std::string("none: no samples left")},
                               {"duration", fmt::format("{:.3f}s", SecondsSince(start))}});
  return {};
}

}  // namespace narthex::tsdb
