// SPDX-License-Identifier: Apache-2.0
#include "tsdb/db/db_impl.h"

#include <algorithm>
#include <chrono>
#include <random>

#include <fmt/format.h>

#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "tsdb/block/ulid.h"
#include "tsdb/folder_lock.h"
#include "tsdb/wal/checkpoint.h"

namespace narthex::tsdb {

using model::TimestampMs;

namespace {

HeadOptions HeadOptionsOf(const DbOptions& options) {
  HeadOptions head;
  head.limits.chunk_range_ms = options.min_block_duration_ms;
  head.limits.samples_per_chunk = options.samples_per_chunk;
  head.out_of_order_window_ms = options.out_of_order_window_ms;
  head.out_of_order_cap_max =
      options.out_of_order_cap_max > 0 ? std::min(options.out_of_order_cap_max, 255) : 32;
  head.max_exemplars = options.max_exemplars;
  head.metadata_wal_records = options.metadata_wal_records;
  head.xor2 = options.float_encoding == FloatEncoding::kXor2;
  head.start_times = options.start_times;
  head.started_histograms = options.histogram_start_times;
  head.wal.segment_bytes = options.wal_segment_bytes;
  head.wal.compression = options.wal_compression;
  head.program_version = options.program_version;
  return head;
}

// So that many servers that began together do not all compact together.
std::int64_t RandomDelayNs(const DbOptions& options) {
  constexpr std::int64_t kNsPerMs = 1'000'000;
  const model::DurationMs most =
      options.min_block_duration_ms / 100 * options.compaction_delay_max_percent;
  if (most <= 0) return 0;
  std::random_device random;
  return std::uniform_int_distribution<std::int64_t>(1, most)(random) * kNsPerMs;
}

bool IsLeftover(const std::string& name) {
  const auto dot = name.find('.');
  if (dot == std::string::npos || !IsUlid(std::string_view(name).substr(0, dot))) return false;
  const auto suffix = std::string_view(name).substr(dot);
  return suffix == ".tmp-for-creation" || suffix == ".tmp-for-deletion" || suffix == ".tmp";
}

}  // namespace

Db::Impl::Impl(std::string data_dir, const DbOptions& db_options, Fs& file_system, Clock& db_clock,
               metrics::Registry& db_registry)
    : dir(std::move(data_dir)),
      options(db_options),
      fs(file_system),
      clock(db_clock),
      registry(db_registry),
      metrics(db_registry),
      head(HeadOptionsOf(db_options), file_system, dir, db_registry),
      stale_threshold(db_options.stale_series_compaction_threshold),
      blocks_(std::make_shared<BlockList>()),
      retention_{db_options.retention_ms, db_options.retention_bytes,
                 db_options.retention_percentage},
      uploads_(file_system, db_clock, db_options.uploaded_blocks_file),
      compaction_delay_ns_(RandomDelayNs(db_options)) {
  AddMetricFunctions();
}

Db::Impl::~Impl() { RemoveMetricFunctions(); }

Status Db::Impl::RemoveLeftovers() {
  NX_ASSIGN_OR_RETURN(const auto entries, fs.ListDir(dir));
  for (const auto& entry : entries) {
    if (entry.is_dir && IsLeftover(entry.name)) {
      NX_RETURN_IF_ERROR(fs.RemoveAll(JoinPath(dir, entry.name)));
    }
  }
  // Prometheus (with fast-startup) keeps its last series number here. Once our series have joined
  // the log, it would give their numbers away again.
  NX_RETURN_IF_ERROR(fs.RemoveAll(JoinPath(dir, "wal/series_state.json")));
  return wal::RemoveUnfinishedCheckpoints(fs, JoinPath(dir, "wal"));
}

// Source: Prometheus tsdb DB.ApplyConfig.
Status Db::Impl::CheckFloatEncoding(FloatEncoding encoding) const {
  const bool xor2 = encoding == FloatEncoding::kXor2;
  if (xor2 && !options.xor2_allowed) {
    return Fail(Code::kInvalidArgument,
                "'storage.tsdb.chunk_encoding.floats: xor2' requires the xor2-encoding feature "
                "flag to be enabled at startup");
  }
  if (options.start_times && !xor2) {
    return Fail(Code::kInvalidArgument,
                "'storage.tsdb.chunk_encoding.floats: xor' is incompatible with st-storage; XOR "
                "chunks do not store start timestamps");
  }
  return {};
}

Status Db::Impl::SetFloatEncoding(FloatEncoding encoding) {
  NX_RETURN_IF_ERROR(CheckFloatEncoding(encoding));
  head.SetXor2(encoding == FloatEncoding::kXor2);
  return {};
}

Status Db::Impl::Open() {
  NX_RETURN_IF_ERROR(CheckFloatEncoding(options.float_encoding));
  if (options.min_block_duration_ms <= 0) {
    return Fail(Code::kInvalidArgument, "the block duration must be positive");
  }
  NX_RETURN_IF_ERROR(fs.CreateDirs(dir));
  NX_ASSIGN_OR_RETURN(lock, LockFolder(fs, dir, options.no_lockfile, metrics.clean_start));
  NX_RETURN_IF_ERROR(RemoveLeftovers());
  MutexLock work_lock(work_mutex_);
  NX_RETURN_IF_ERROR(Reload(model::kMinTime));
  const TimestampMs covered = CoveredUntil(*blocks());
  NX_RETURN_IF_ERROR(head.Load(covered, replay));
  head.OnCommit([this] {
    if (!HeadIsDue() || wanted_.exchange(true)) return;
    MutexLock wake_lock(wake_mutex_);
    wake_.NotifyAll();
  });
  MutexLock view_lock(view_mutex_);
  head_from_ = covered;
  return {};
}

void Db::Impl::StartBackground() {
  compaction_thread_ = std::thread([this] { RunCompactions(); });
  if (options.wal_sync_interval_ms > 0) sync_thread_ = std::thread([this] { RunSync(); });
}

void Db::Impl::RunCompactions() {
  SetThreadName("tsdb-compact");
  constexpr std::chrono::seconds kLeastPause(1);
  constexpr std::chrono::seconds kMostPause(60);
  std::chrono::seconds pause(0);  // After a failure: grows from one second to a minute.
  const std::chrono::milliseconds interval(
      std::max<model::DurationMs>(options.reload_interval_ms, 1));
  for (;;) {
    {
      MutexLock wake_lock(wake_mutex_);
      const auto deadline =
          std::chrono::steady_clock::now() + (pause.count() > 0 ? pause : interval);
      while (!stopping_ && (pause.count() > 0 || !wanted_.load())) {
        const auto left = deadline - std::chrono::steady_clock::now();
        if (left <= std::chrono::nanoseconds(0) || !wake_.WaitFor(wake_mutex_, left)) break;
      }
      if (stopping_) return;
    }
    wanted_ = false;
    Status status = Compact();
    if (status) status = CompactStaleSeries();
    if (!status) {
      if (stop_.load()) return;
      log::Error("compaction failed", {{"err", status.error().message()}});
      pause = std::clamp(pause * 2, kLeastPause, kMostPause);
    } else {
      pause = std::chrono::seconds(0);
    }
  }
}

void Db::Impl::RunSync() {
  SetThreadName("tsdb-wal-sync");
  const std::chrono::milliseconds interval(options.wal_sync_interval_ms);
  for (;;) {
    {
      MutexLock wake_lock(wake_mutex_);
      const auto deadline = std::chrono::steady_clock::now() + interval;
      while (!stopping_) {
        const auto left = deadline - std::chrono::steady_clock::now();
        if (left <= std::chrono::nanoseconds(0)) break;
        wake_.WaitFor(wake_mutex_, left);
      }
      if (stopping_) return;
    }
    if (auto status = head.SyncWal(); !status) {
      log::Error("Syncing the WAL failed", {{"err", status.error().message()}});
    }
  }
}

Status Db::Impl::Close() {
  {
    MutexLock wake_lock(wake_mutex_);
    stopping_ = true;
    stop_ = true;
    wake_.NotifyAll();
  }
  head.Interrupt();
  if (compaction_thread_.joinable()) compaction_thread_.join();
  if (sync_thread_.joinable()) sync_thread_.join();
  MutexLock work_lock(work_mutex_);
  if (closed_) return {};
  closed_ = true;
  Status status =
      head.Close(options.snapshot_on_close ? std::optional<TimestampMs>(CoveredUntil(*blocks()))
                                           : std::nullopt);
  lock.reset();
  return status;
}

Db::Impl::View Db::Impl::ViewOf(TimestampMs mint, TimestampMs maxt) {
  View view;
  std::shared_ptr<const BlockList> blocks;
  {
    // Both under one lock: a block and the head's part that became it are never both missing.
    MutexLock view_lock(view_mutex_);
    blocks = blocks_;
    view.head = head.NewQuerier(mint, maxt, head_from_);
  }
  for (const auto& block : *blocks) {
    if (block->meta().min_time <= maxt && block->meta().max_time > mint) {
      view.blocks.push_back(block);
    }
  }
  return view;
}

std::shared_ptr<const BlockList> Db::Impl::blocks() const {
  MutexLock view_lock(view_mutex_);
  return blocks_;
}

std::uint64_t Db::Impl::BlockBytes() const {
  std::uint64_t bytes = 0;
  const auto list = blocks();
  for (const auto& block : *list) bytes += block->size_bytes();
  return bytes;
}

TimestampMs Db::Impl::LowestTime() const {
  TimestampMs lowest = std::min(head.min_time(), head.min_late_time());
  const auto list = blocks();
  for (const auto& block : *list) lowest = std::min(lowest, block->meta().min_time);
  return lowest;
}

}  // namespace narthex::tsdb
