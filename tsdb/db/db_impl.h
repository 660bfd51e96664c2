// SPDX-License-Identifier: Apache-2.0
//
// The inside of Db.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "narthex/base/clock.h"
#include "narthex/base/mutex.h"
#include "narthex/tsdb/db.h"
#include "tsdb/block/block.h"
#include "tsdb/db/db_metrics.h"
#include "tsdb/head/head.h"

namespace narthex::tsdb {

using BlockList = std::vector<std::shared_ptr<const Block>>;  // By min time.

struct Db::Impl {
  Impl(std::string data_dir, const DbOptions& db_options, Fs& file_system, Clock& db_clock,
       metrics::Registry& registry);
  ~Impl();

  Status Open();
  Status Close();
  void StartBackground();

  // Reads the folder's blocks, drops what retention and compaction have made obsolete, and
  // publishes the list.
  // @param head_from  queries take samples from here on from the head
  Status Reload(model::TimestampMs head_from) NX_REQUIRES(work_mutex_);
  Status Compact() NX_EXCLUDES(work_mutex_);
  Status DeleteSeries(model::TimestampMs mint, model::TimestampMs maxt,
                      std::span<const model::Matcher> matchers) NX_EXCLUDES(work_mutex_);
  Status CleanTombstones() NX_EXCLUDES(work_mutex_);
  Status Snapshot(const std::string& target, bool with_head) NX_EXCLUDES(work_mutex_);
  Status CompactHead() NX_REQUIRES(work_mutex_);
  Status CompactBlocks() NX_REQUIRES(work_mutex_);

  // The head and the blocks of one moment, as far as they have to do with the closed range.
  struct View {
    BlockList blocks;
    std::unique_ptr<HeadQuerier> head;
  };
  View ViewOf(model::TimestampMs mint, model::TimestampMs maxt);

  std::shared_ptr<const BlockList> blocks() const;
  std::uint64_t BlockBytes() const;
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
  std::atomic<model::DurationMs> retention_ms;
  std::atomic<std::uint64_t> retention_bytes;

 private:
  friend class Db;

  Status RemoveLeftovers();
  Result<BlockList> OpenBlocks();
  std::vector<std::string> DropObsolete(BlockList& list);
  void DropBeyondRetention(BlockList& list, std::vector<std::string>& dropped);
  void RunCompactions();
  void RunSync();
  void AddMetricFunctions();
  void RemoveMetricFunctions();
  Status Reopen(const BlockList& changed) NX_REQUIRES(work_mutex_);
  Status CleanBlocks() NX_REQUIRES(work_mutex_);
  Status WriteSnapshot(const std::string& target, bool with_head) NX_REQUIRES(work_mutex_);
  Status CutHead(model::TimestampMs mint, model::TimestampMs maxt) NX_REQUIRES(work_mutex_);
  Status WriteHeadBlock(const std::string& target, BlockSource& source, model::TimestampMs mint,
                        model::TimestampMs maxt) NX_REQUIRES(work_mutex_);
  Status MergeBlocks(std::vector<std::shared_ptr<const Block>> inputs) NX_REQUIRES(work_mutex_);
  BlockWriteOptions WriteOptions() const;
  void Publish(BlockList list, model::TimestampMs head_from);

  // One compaction, reload, deletion, snapshot or retention at a time. Taken first.
  Mutex work_mutex_;

  // What queries are made of: together, so that no sample is in neither or both.
  mutable Mutex view_mutex_;  // Taken after work_mutex_.
  std::shared_ptr<const BlockList> blocks_ NX_GUARDED_BY(view_mutex_);
  model::TimestampMs head_from_ NX_GUARDED_BY(view_mutex_) = model::kMinTime;

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
