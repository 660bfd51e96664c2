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
#include "tsdb/compact/overlaps.h"
#include "tsdb/compact/plan.h"
#include "tsdb/compact/retention.h"
#include "tsdb/db/db_impl.h"
#include "tsdb/db/measured_source.h"

namespace narthex::tsdb {

using model::TimestampMs;

namespace {

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

Status Db::Impl::ReloadWith(TimestampMs head_from, std::span<const std::string> fresh) {
  metrics.reloads.Add();
  auto found = FindBlocks();
  if (!found) {
    metrics.reloads_failed.Add();
    return Fail(std::move(found).error().Wrap("reloadBlocks"));
  }
  if (auto status = RefuseFresh(*found, fresh); !status) {
    metrics.reloads_failed.Add();
    return status;
  }
  const std::vector<std::string> obsolete = DropObsolete(*found);
  ReportUnreadable(*found);
  ReportOverlaps(found->list);
  Publish(std::move(found->list), head_from);
  const bool removed = RemoveObsolete(obsolete, found->half_removed);
  // A folder without a readable meta.json is passed over, as Prometheus does: it may be no block.
  const bool corrupt =
      std::any_of(found->unreadable.begin(), found->unreadable.end(),
                  [&](const auto& entry) { return !found->without_meta.contains(entry.first); });
  if (!removed || corrupt) metrics.reloads_failed.Add();
  unreadable_ = std::move(found->unreadable);
  return {};
}

// What can't be removed costs room, and is tried again by the next reload: the work that made it
// obsolete is done, and must not be done again for it. @return whether all went
bool Db::Impl::RemoveObsolete(std::span<const std::string> obsolete,
                              std::span<const std::string> half_removed) {
  bool all = true;
  const auto note = [&](const std::string& name, Status status) {
    if (status) return;
    all = false;
    log::Error("Deleting an obsolete block failed; the next reload tries again",
               {{"block", name}, {"err", status.error().message()}});
  };
  for (const auto& name : half_removed) note(name, fs.RemoveAll(JoinPath(dir, name)));
  for (const auto& ulid : obsolete) {
    log::Info("Deleting obsolete block", {{"block", ulid}});
    note(ulid, RemoveBlock(fs, dir, ulid));
  }
  return all;
}

// An open block as it is on disk now. What can't be read for a moment, as when there are no file
// handles left, stays as it was; null when the block is gone.
Result<BlockPtr> Db::Impl::Refresh(const BlockPtr& known) {
  const std::string path = JoinPath(dir, known->meta().ulid);
  const auto stay = [&](const Error& error) -> Result<BlockPtr> {
    if (error.code() == Code::kNotFound) return Fail(error);
    log::Error("A block that is open can't be read anew; it stays as it was",
               {{"block", known->meta().ulid}, {"err", error.message()}});
    return known;
  };
  const auto meta = ReadBlockMeta(fs, path);
  if (!meta) return stay(meta.error());
  if (FormatBlockMeta(*meta) == FormatBlockMeta(known->meta())) return known;
  auto opened = Block::Open(fs, path);
  return opened ? std::move(opened) : stay(opened.error());
}

// The blocks in the folder, by min time. Those that are open stay so.
Result<Db::Impl::Found> Db::Impl::FindBlocks() {
  NX_ASSIGN_OR_RETURN(const auto entries, fs.ListDir(dir));
  const auto open = blocks();
  Found found;
  for (const auto& entry : entries) {
    if (entry.is_dir && entry.name.ends_with(kDoomedSuffix)) {
      found.half_removed.push_back(entry.name);
    }
    if (!entry.is_dir || !IsUlid(entry.name)) continue;
    const auto known = std::find_if(open->begin(), open->end(), [&](const auto& block) {
      return block->meta().ulid == entry.name;
    });
    // Compaction and deletion write to meta.json; what they say counts from the next reload on.
    auto block =
        known != open->end() ? Refresh(*known) : Block::Open(fs, JoinPath(dir, entry.name));
    if (block) {
      found.list.push_back(std::move(*block));
    } else {
      found.unreadable.emplace(entry.name, std::move(block).error());
      if (!ReadBlockMeta(fs, JoinPath(dir, entry.name))) found.without_meta.insert(entry.name);
    }
  }
  std::stable_sort(found.list.begin(), found.list.end(), [](const auto& a, const auto& b) {
    return a->meta().min_time < b->meta().min_time;
  });
  return found;
}

// What went into the blocks is still where it came from, and must stay there.
Status Db::Impl::RefuseFresh(const Found& found, std::span<const std::string> fresh) {
  const auto missing = std::find_if_not(fresh.begin(), fresh.end(), [&](const auto& ulid) {
    return std::any_of(found.list.begin(), found.list.end(),
                       [&](const auto& block) { return block->meta().ulid == ulid; });
  });
  if (missing == fresh.end()) return {};
  RemoveBlocks(fresh);
  const auto it = found.unreadable.find(*missing);
  Error error = it != found.unreadable.end() ? it->second : Error(Code::kIo, "it is not there");
  return Fail(std::move(error).Wrap("open the new block " + JoinPath(dir, *missing)));
}

void Db::Impl::RemoveBlocks(std::span<const std::string> ulids) {
  for (const auto& ulid : ulids) {
    if (auto removed = RemoveBlock(fs, dir, ulid); !removed) {
      log::Error("A block whose making failed could not be removed",
                 {{"block", ulid}, {"err", removed.error().message()}});
    }
  }
}

// Takes out the blocks that others replace. @return their names
std::vector<std::string> Db::Impl::DropObsolete(Found& found) {
  absl::flat_hash_set<std::string> obsolete;
  for (const auto& block : found.list) {
    if (block->meta().compaction.deletable) obsolete.insert(block->meta().ulid);
    for (const auto& parent : block->meta().compaction.parents) obsolete.insert(parent.ulid);
  }
  std::vector<std::string> dropped;
  std::erase_if(found.list, [&](const auto& block) {
    if (!obsolete.contains(block->meta().ulid)) return false;
    dropped.push_back(block->meta().ulid);
    return true;
  });
  std::erase_if(found.unreadable, [&](const auto& entry) {
    if (!obsolete.contains(entry.first)) return false;
    log::Warn("A block that can't be opened has been replaced by a compacted one",
              {{"block", entry.first}, {"err", entry.second.message()}});
    dropped.push_back(entry.first);
    return true;
  });
  DropBeyondRetention(found.list, dropped);
  return dropped;
}

// What can't be opened is named and left alone: the rest is served.
void Db::Impl::ReportUnreadable(const Found& found) {
  metrics.unreadable_blocks.Set(static_cast<double>(found.unreadable.size()));
  for (const auto& [ulid, error] : found.unreadable) {
    const char* const what =
        found.without_meta.contains(ulid)
            ? "Failed to read meta.json for a block during reloadBlocks. Skipping"
            : "Block can't be opened; its samples are missing from queries";
    log::Error(what, {{"block", ulid}, {"err", error.message()}});
  }
}

// Until they are merged every reload finds them again: told is what has changed.
void Db::Impl::ReportOverlaps(const BlockList& list) {
  if (!options.merge_overlapping_blocks) return;
  std::vector<const BlockMeta*> metas;
  for (const auto& block : list) metas.push_back(&block->meta());
  std::string overlaps = DescribeOverlaps(metas);
  if (overlaps == overlaps_) return;
  overlaps_ = std::move(overlaps);
  if (overlaps_.empty()) return;
  log::Warn("Overlapping blocks found during reloadBlocks", {{"detail", overlaps_}});
}

// What is asked of all blocks can't be done to these.
Status Db::Impl::MissingBlocks(TimestampMs mint, TimestampMs maxt) {
  std::string names;
  for (const auto& [ulid, error] : unreadable_) {
    const auto meta = ReadBlockMeta(fs, JoinPath(dir, ulid));
    if (meta && (meta->min_time > maxt || meta->max_time <= mint)) continue;
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", ulid, error.message());
  }
  if (names.empty()) return {};
  return Fail(Code::kCorruption, "blocks that can't be opened were left out: " + names);
}

RetentionLimits Db::Impl::retention() const {
  MutexLock limits_lock(retention_mutex_);
  return retention_;
}

void Db::Impl::SetRetention(const RetentionLimits& limits) {
  MutexLock limits_lock(retention_mutex_);
  retention_ = limits;
}

std::uint64_t Db::Impl::SizeLimit(const RetentionLimits& limits) {
  if (limits.percentage <= 0) return limits.bytes;
  const auto space = fs.DiskSpace(dir);
  if (!space || space->total_bytes == 0) {
    log::Warn(
        "The size of the file system is not known; the fixed size limit applies instead of "
        "the percentage",
        {{"dir", dir}, {"err", space ? "it is told as 0" : space.error().message()}});
    return limits.bytes;
  }
  return static_cast<std::uint64_t>(static_cast<double>(space->total_bytes) * limits.percentage /
                                    100);
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
  const RetentionLimits limits = retention();
  drop(BeyondTimeRetention(retained(), limits.time_ms), metrics.time_retentions);
  if (list.empty()) return;
  drop(BeyondSizeRetention(retained(), head.SizeOnDisk(), SizeLimit(limits)),
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

bool Db::Impl::WaitingForDelay() const {
  if (compaction_delay_ns_ == 0) return false;
  const std::int64_t since = delay_since_ns_.load();
  return since != 0 && clock.MonotonicNs() - since < compaction_delay_ns_;
}

Status Db::Impl::CompactHead() {
  bool cut = false;
  while (!stop_.load()) {
    if (!head.Compactable()) {
      delay_since_ns_ = 0;
      break;
    }
    if (delay_since_ns_ == 0) delay_since_ns_ = std::max<std::int64_t>(1, clock.MonotonicNs());
    if (WaitingForDelay()) break;
    const TimestampMs mint = head.min_time();
    const TimestampMs maxt = RangeEnd(mint, options.min_block_duration_ms);
    head_cut_ns_ = std::max<std::int64_t>(1, clock.MonotonicNs());
    const auto written = CutHead(mint, maxt);
    if (!written) {
      metrics.compactions_failed.Add();
      return Fail(Error(written.error()).Wrap("compact head"));
    }
    NX_RETURN_IF_ERROR(Reload(maxt, *written));
    NX_RETURN_IF_ERROR(head.Truncate(maxt));
    cut = true;
  }
  if (!cut) return {};
  // Late samples must not wait for a log that can't be truncated.
  const Status truncated = head.TruncateWal(head.min_time());
  Status compacted = CompactOutOfOrder();
  return truncated ? compacted : truncated;
}

Result<std::string> Db::Impl::CutHead(TimestampMs mint, TimestampMs maxt) {
  NX_ASSIGN_OR_RETURN(const auto head_source, head.NewBlockSource(mint, maxt));
  MeasuredSource source(*head_source, metrics);
  return WriteHeadBlock(dir, source, mint, maxt);
}

Result<std::string> Db::Impl::WriteHeadBlock(const std::string& target, BlockSource& source,
                                             TimestampMs mint, TimestampMs maxt) {
  BlockMeta meta;
  meta.min_time = mint;
  meta.max_time = maxt;
  return WriteFirstBlock(target, source, std::move(meta));
}

Result<std::string> Db::Impl::WriteFirstBlock(const std::string& target, BlockSource& source,
                                              BlockMeta meta) {
  const auto start = std::chrono::steady_clock::now();
  meta.ulid = NewUlid(clock);
  meta.compaction.level = 1;
  meta.compaction.sources = {meta.ulid};
  metrics.populating_block.Set(1);
  const auto written = WriteBlock(fs, target, meta, source, WriteOptions());
  metrics.populating_block.Set(0);
  if (!written) return Fail(written.error());
  metrics.compactions.Add();
  metrics.compaction_seconds.Observe(SecondsSince(start));
  if (*written) {
    log::Info("write block", {{"mint", meta.min_time},
                              {"maxt", meta.max_time},
                              {"ulid", meta.ulid},
                              {"ooo", meta.compaction.HasHint(kHintOutOfOrder)},
                              {"series", (*written)->stats.num_series},
                              {"duration", fmt::format("{:.3f}s", SecondsSince(start))}});
  }
  return *written ? meta.ulid : std::string();
}

BlockWriteOptions Db::Impl::WriteOptions() const {
  BlockWriteOptions write_options;
  write_options.max_chunk_segment_bytes = options.max_chunk_segment_bytes;
  write_options.bypass_cache = options.bypass_cache;
  write_options.xor2 = head.encodings().xor2;
  write_options.cancelled = [this] { return stop_.load(); };
  return write_options;
}

// A block of late samples that reaches into the head's time is left alone until the head has gone
// on: merged with others it would no longer be known for one, and a restart would take the end of
// the merged block for the end of what blocks have of the samples in order.
bool Db::Impl::MayBeMerged(const BlockMeta& meta) const {
  return !meta.compaction.HasHint(kHintOutOfOrder) || meta.max_time <= head.min_time();
}

// The blocks to merge next; empty = none.
std::vector<BlockPtr> Db::Impl::PlanBlocks() {
  const model::DurationMs longest =
      options.max_block_duration_ms > 0
          ? options.max_block_duration_ms
          : DefaultMaxBlockDuration(options.min_block_duration_ms, retention().time_ms);
  const auto ranges = BlockRanges(options.min_block_duration_ms, longest);
  BlockList by_age = *blocks();
  std::erase_if(by_age, [this](const auto& block) { return !MayBeMerged(block->meta()); });
  std::sort(by_age.begin(), by_age.end(),
            [](const auto& a, const auto& b) { return a->meta().ulid < b->meta().ulid; });
  std::vector<const BlockMeta*> metas;
  for (const auto& block : by_age) {
    // Later ones wait too, or blocks would be merged around a gap.
    if (uploads_.IsPending(block->meta())) break;
    metas.push_back(&block->meta());
  }
  std::vector<BlockPtr> planned;
  for (const std::size_t i : PlanCompaction(metas, ranges, options.merge_overlapping_blocks)) {
    planned.push_back(by_age[i]);
  }
  return planned;
}

// Merges blocks until there is nothing to merge, or the head wants to be cut again.
Status Db::Impl::CompactBlocks() {
  while (!stop_.load() && !HeadIsDue()) {
    auto inputs = PlanBlocks();
    if (inputs.empty()) return {};
    const auto written = MergeBlocks(std::move(inputs));
    if (!written) {
      if (written.error().code() == Code::kCancelled) return Fail(written.error());
      metrics.compactions_failed.Add();
      (void)Reload(model::kMinTime);  // The inputs may be marked as failed now.
      return Fail(Error(written.error()).Wrap("compact blocks"));
    }
    NX_RETURN_IF_ERROR(Reload(model::kMinTime, *written));
  }
  return {};
}

Result<std::string> Db::Impl::MergeBlocks(std::vector<BlockPtr> inputs) {
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
  return *written ? ulid : std::string();
}

}  // namespace narthex::tsdb
