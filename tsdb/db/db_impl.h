// SPDX-License-Identifier: Apache-2.0
//
// The inside of Db.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <absl/container/flat_hash_set.h>

#include "narthex/base/clock.h"
#include "narthex/base/mutex.h"
#include "narthex/tsdb/db.h"
#include "tsdb/block/block.h"
#include "tsdb/compact/uploads.h"
#include "tsdb/db/db_metrics.h"
#include "tsdb/head/head.h"

namespace narthex::tsdb {

using BlockList = std::vector<std::shared_ptr<const Block>>;  // By min time.

// 0 = no limit.
struct RetentionLimits {
  model::DurationMs time_ms = 0;
  std::uint64_t bytes = 0;
  double percentage = 0;
};

struct Db::Impl {
  Impl(std::string data_dir, const DbOptions& db_options, Fs& file_system, Clock& db_clock,
       metrics::Registry& registry);
  ~Impl();

  Status Open();
  Status CheckFloatEncoding(FloatEncoding encoding) const;
  Status SetFloatEncoding(FloatEncoding encoding);
  Status Close();
  void StartBackground();

  // Reads the folder's blocks, drops what retention and compaction have made obsolete, and
  // publishes the list.
  // @param head_from  queries take samples from here on from the head
  // @param fresh      a block that was just written; when it can't be opened it is removed, all
  //                   stays as it was, and that is an error. "" = none
  Status Reload(model::TimestampMs head_from, const std::string& fresh = "")
      NX_REQUIRES(work_mutex_) {
    return ReloadWith(head_from, std::span(&fresh, fresh.empty() ? 0 : 1));
  }
  // The same with several blocks; when one of them can't be opened all are removed.
  Status ReloadWith(model::TimestampMs head_from, std::span<const std::string> fresh)
      NX_REQUIRES(work_mutex_);
  Status Compact() NX_EXCLUDES(work_mutex_);
  Status DeleteSeries(model::TimestampMs mint, model::TimestampMs maxt,
                      std::span<const model::Matcher> matchers) NX_EXCLUDES(work_mutex_);
  Status CleanTombstones() NX_EXCLUDES(work_mutex_);
  Status Snapshot(const std::string& target, bool with_head) NX_EXCLUDES(work_mutex_);
  Status CompactHead() NX_REQUIRES(work_mutex_);
  Status CompactBlocks() NX_REQUIRES(work_mutex_);
  // Puts the late samples of the head into blocks of their own.
  Status CompactOutOfOrder() NX_REQUIRES(work_mutex_);

  // Puts series that have gone stale into blocks of their own, when they are many.
  Status CompactStaleSeries() NX_EXCLUDES(work_mutex_);

  // The head and the blocks of one moment, as far as they have to do with the closed range.
  struct View {
    BlockList blocks;
    std::unique_ptr<HeadQuerier> head;
  };
  View ViewOf(model::TimestampMs mint, model::TimestampMs maxt);

  std::shared_ptr<const BlockList> blocks() const;
  std::uint64_t BlockBytes() const;
  RetentionLimits retention() const;
  void SetRetention(const RetentionLimits& limits);
  model::TimestampMs LowestTime() const;

  const std::string dir;
  const DbOptions options;
  Fs& fs;
  Clock& clock;
  metrics::Registry& registry;
  DbMetrics metrics;
  std::unique_ptr<FileLock> lock;
  Head head;
  ReplayCursor replay;
  std::atomic<double> stale_threshold;  // Part of the series that is stale; 0 = switched off.

 private:
  friend class Db;

  Status RemoveLeftovers();
  struct Found {
    BlockList list;
    std::map<std::string, Error> unreadable;        // By ULID.
    absl::flat_hash_set<std::string> without_meta;  // Those whose meta.json is what can't be read.
    std::vector<std::string> half_removed;          // Folders.
  };
  Result<std::shared_ptr<const Block>> Refresh(const std::shared_ptr<const Block>& known);
  Result<Found> FindBlocks();
  Status RefuseFresh(const Found& found, std::span<const std::string> fresh);
  std::vector<std::string> DropObsolete(Found& found);
  void ReportUnreadable(const Found& found);
  bool RemoveObsolete(std::span<const std::string> obsolete,
                      std::span<const std::string> half_removed);
  // Errors: kCorruption, and names the blocks that can't be opened and may be in the closed range.
  Status MissingBlocks(model::TimestampMs mint, model::TimestampMs maxt) NX_REQUIRES(work_mutex_);
  void ReportOverlaps(const BlockList& list) NX_REQUIRES(work_mutex_);
  std::uint64_t SizeLimit(const RetentionLimits& limits);
  void DropBeyondRetention(BlockList& list, std::vector<std::string>& dropped);
  void RunCompactions();
  void RunSync();
  void AddMetricFunctions();
  void RemoveMetricFunctions();
  Status Reopen(const BlockList& changed) NX_REQUIRES(work_mutex_);
  Status CleanBlocks() NX_REQUIRES(work_mutex_);
  Status WriteSnapshot(const std::string& target, bool with_head) NX_REQUIRES(work_mutex_);
  std::vector<std::shared_ptr<const Block>> PlanBlocks() NX_REQUIRES(work_mutex_);
  // Whether the head wants to be cut and may be.
  bool HeadIsDue() const { return head.Compactable() && !WaitingForDelay(); }
  bool WaitingForDelay() const;
  Result<std::string> CutHead(model::TimestampMs mint, model::TimestampMs maxt)
      NX_REQUIRES(work_mutex_);
  // @return the block's ULID; "" when there was no sample
  Result<std::string> WriteHeadBlock(const std::string& target, BlockSource& source,
                                     model::TimestampMs mint, model::TimestampMs maxt)
      NX_REQUIRES(work_mutex_);
  // Writes a block of level 1; `meta` has its times. @return as WriteHeadBlock
  Result<std::string> WriteFirstBlock(const std::string& target, BlockSource& source,
                                      BlockMeta meta) NX_REQUIRES(work_mutex_);
  Status WriteOutOfOrderBlocks(const Head::OutOfOrderCut& cut, std::vector<std::string>& written)
      NX_REQUIRES(work_mutex_);
  Status CompactOutOfOrder(std::vector<std::string>& written) NX_REQUIRES(work_mutex_);
  bool HeadCutIsNear() const NX_REQUIRES(work_mutex_);
  Result<std::size_t> RetireSeries(Head::StaleSeries stale, std::vector<std::string>& written)
      NX_REQUIRES(work_mutex_);
  void RemoveBlocks(std::span<const std::string> ulids);
  // @return as WriteHeadBlock
  Result<std::string> MergeBlocks(std::vector<std::shared_ptr<const Block>> inputs)
      NX_REQUIRES(work_mutex_);
  BlockWriteOptions WriteOptions() const;
  bool MayBeMerged(const BlockMeta& meta) const;
  void Publish(BlockList list, model::TimestampMs head_from);

  // One compaction, reload, deletion, snapshot or retention at a time. Taken first.
  Mutex work_mutex_;

  // What queries are made of: together, so that no sample is in neither or both.
  mutable Mutex view_mutex_;  // Taken after work_mutex_.
  std::shared_ptr<const BlockList> blocks_ NX_GUARDED_BY(view_mutex_);
  model::TimestampMs head_from_ NX_GUARDED_BY(view_mutex_) = model::kMinTime;

  // The limits of one setting, together.
  mutable Mutex retention_mutex_;  // Leaf.
  RetentionLimits retention_ NX_GUARDED_BY(retention_mutex_);

  std::map<std::string, Error> unreadable_ NX_GUARDED_BY(work_mutex_);  // Of the last reload.
  std::string overlaps_ NX_GUARDED_BY(work_mutex_);                     // As the log has them.
  PendingUploads uploads_ NX_GUARDED_BY(work_mutex_);
  const std::int64_t compaction_delay_ns_;       // Chosen once, at random.
  std::atomic<std::int64_t> delay_since_ns_{0};  // When the head became compactable; 0 = it is not.

  std::int64_t head_cut_ns_ NX_GUARDED_BY(work_mutex_) = 0;  // Last time; 0 = not yet.

  Mutex wake_mutex_;  // Leaf.
  CondVar wake_;
  std::atomic<bool> wanted_{false};  // A compaction was asked for and has not begun.
  bool stopping_ NX_GUARDED_BY(wake_mutex_) = false;
  std::atomic<bool> stop_{false};
  std::thread compaction_thread_;
  std::thread sync_thread_;
  bool closed_ NX_GUARDED_BY(work_mutex_) = false;
};

}  // namespace narthex::tsdb
