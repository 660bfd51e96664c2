// SPDX-License-Identifier: Apache-2.0
//
// The head: the newest samples, in memory and in chunks_head, safe in the WAL.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <absl/container/flat_hash_map.h>

#include "narthex/tsdb/db.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/head/head_querier.h"
#include "tsdb/head/head_state.h"
#include "tsdb/head/replay.h"
#include "tsdb/head/series_census.h"

namespace narthex::tsdb {

/// Thread safety: any thread, but Load first and alone, and Truncate and TruncateWal by one thread
/// at a time.
class Head {
 public:
  /// @param dir  the data folder, with wal/ and chunks_head/ in it
  Head(const HeadOptions& options, Fs& fs, std::string dir, metrics::Registry& registry);
  ~Head();
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;

  /// Takes the snapshot of a clean stop, or reads chunks_head and the WAL and repairs what is torn;
  /// then opens a new WAL segment.
  /// @param min_valid_time  samples before it are in blocks and left out
  Status Load(model::TimestampMs min_valid_time, ReplayCursor& progress);

  std::unique_ptr<storage::Appender> NewAppender();
  /// Called after each commit, by its thread. Set before the first appender.
  void OnCommit(std::function<void()> fn) { on_commit_ = std::move(fn); }
  /// Reads [mint, maxt]; samples in order only from `in_order_from` on, because blocks have those
  /// before.
  std::unique_ptr<HeadQuerier> NewQuerier(model::TimestampMs mint, model::TimestampMs maxt,
                                          model::TimestampMs in_order_from = model::kMinTime);

  /// Whether more than one and a half block ranges are in memory.
  bool Compactable() const;
  model::TimestampMs min_time() const { return state_.min_time.load(); }
  model::TimestampMs max_time() const { return state_.max_time.load(); }

  /// The samples with mint ≤ t < maxt as a source for a block. Waits until no appender can write
  /// below maxt. The head outlives it.
  /// Errors: kCancelled when interrupted.
  Result<std::unique_ptr<BlockSource>> NewBlockSource(model::TimestampMs mint,
                                                      model::TimestampMs maxt);

  /// The committed samples of that range, without waiting for appenders. The head outlives it.
  std::unique_ptr<BlockSource> NewSnapshotSource(model::TimestampMs mint, model::TimestampMs maxt);

  /// Deletes samples of the matched series: a record in the WAL, and readers skip them from now on.
  /// Durable when it returns. Errors: kIo.
  Status Delete(model::TimestampMs mint, model::TimestampMs maxt,
                std::span<const model::Matcher> matchers);

  /// Drops the samples before t, which are in blocks now, and the series that are then empty. Waits
  /// for the readers of that time; queriers made from now on must not ask for it. Errors:
  /// kCancelled when interrupted; nothing is dropped then.
  Status Truncate(model::TimestampMs t);

  /// Of float chunks that are begun from now on.
  void SetXor2(bool xor2) { state_.chunks.SetXor2(xor2); }
  /// Of chunks that are begun now.
  RunEncodings encodings() const { return state_.encodings(); }
  /// How far behind the newest sample late ones are taken; see Db::SetOutOfOrderWindow.
  void SetOutOfOrderWindow(model::DurationMs window_ms) {
    state_.out_of_order_window_ms = window_ms;
  }
  std::uint64_t wal_corruptions() const { return state_.metrics.wal_corruptions.value(); }
  /// @return how many exemplars are kept; see Db::SetMaxExemplars
  std::size_t ResizeExemplars(std::size_t capacity) { return state_.exemplars.Resize(capacity); }
  /// Smallest time of a late sample, kMaxTime when there is none.
  model::TimestampMs min_late_time() const { return state_.ooo.store().min_time(); }
  /// Whether there is, or has been, an out-of-order window.
  bool HasOutOfOrder() const { return state_.ooo.enabled(); }
  /// Moves the late samples to chunks_head, to be put into blocks: NewOutOfOrderSource for each of
  /// the ranges, then DropOutOfOrder. Errors: kIo, kCorruption.
  struct OutOfOrderCut {
    OooHead::Boundary boundary;
    model::TimestampMs max_time = model::kMinTime;  // No sample of it is later.
    std::vector<model::TimestampMs> ranges;         // Starts of the block ranges that have samples.
  };
  Result<OutOfOrderCut> CutOutOfOrder();
  std::unique_ptr<BlockSource> NewOutOfOrderSource(const OutOfOrderCut& cut,
                                                   model::TimestampMs mint,
                                                   model::TimestampMs maxt);
  /// Drops the late samples that are in blocks now. Waits for the readers that began before those
  /// blocks were given to queries. Errors: kCancelled when interrupted; nothing is dropped then.
  Status DropOutOfOrder(const OutOfOrderCut& cut);

  /// Series whose last sample is a staleness marker, at one moment.
  struct StaleSeries {
    std::size_t num_series = 0;       // Of the head,
    std::size_t num_stale = 0;        // of which so many are stale,
    std::vector<SeriesSlot> slots;    // and these can go into blocks, as they have no late samples.
    model::TimestampMs min_time = 0;  // Closed range of the head.
    model::TimestampMs max_time = 0;
    std::uint64_t seen_commit = 0;                   // Later ones may be missing from the blocks.
    std::shared_ptr<const Isolation::Reader> alive;  // Keeps the slots from being reused.
  };
  StaleSeries FindStaleSeries();
  /// The samples of `slots` with mint ≤ t < maxt. The head outlives it.
  std::unique_ptr<BlockSource> NewStaleSource(const StaleSeries& stale, model::TimestampMs mint,
                                              model::TimestampMs maxt);
  /// Drops those that are in blocks now and have no new samples, with a record in the WAL. One that
  /// comes back is a new series. Waits for the readers that began before those blocks were given to
  /// queries. @return how many went. Errors: kCancelled when interrupted, and nothing is dropped
  /// then; kIo.
  Result<std::size_t> DropStaleSeries(StaleSeries stale);

  /// Writes a checkpoint and drops the oldest WAL segments.
  Status TruncateWal(model::TimestampMs t);
  /// Moves full chunks to chunks_head, and reclaims memory that no reader holds any more.
  Status Maintain();
  /// Of the WAL and the WBL.
  Status SyncWal();
  /// Ends what waits for readers and appenders; used before Close.
  void Interrupt();
  /// Flushes and closes the files. Idempotent.
  /// @param covered_until  up to where the folder's blocks cover the WAL; with it, a snapshot is
  ///                       written for the next Load
  Status Close(std::optional<model::TimestampMs> covered_until = std::nullopt);

  HeadStats Stats(std::size_t limit) const;
  void AddTo(MemoryLedger& ledger) const;
  /// Bytes of wal, wbl and chunks_head.
  std::uint64_t SizeOnDisk() const;
  /// For those that read it whole.
  const HeadState& state() const { return state_; }
  /// The newest exemplars.
  const ExemplarStore& exemplars() const { return state_.exemplars; }

 private:
  static constexpr std::size_t kUnlinkBatch = 256;  // Series unlinked under one lock.

  struct Sweep {
    std::vector<SeriesSlot> emptied;  // Series without samples.
    model::TimestampMs actual_min = model::kMaxTime;
    std::uint32_t first_file = 0;  // First chunks_head file that is needed.
  };
  void AddMetricFunctions();
  void RemoveMetricFunctions();
  model::TimestampMs FirstTime(const MemSeries& series, const ChunkFiles::View& files,
                               model::TimestampMs otherwise) const;
  void DropChunksBefore(model::TimestampMs t, Sweep& sweep);
  Status WaitForReadersUpTo(model::TimestampMs t);
  Status Collect(model::TimestampMs t, Sweep& sweep);
  void RemoveEmptySeries();
  void CutOtherEncodings();
  static bool MayRetire(const MemSeries& series, std::uint64_t seen_commit);
  void RemoveSeries(std::span<const SeriesSlot> emptied);
  Status WriteCheckpoint(model::TimestampMs t, int first, int last);

  HeadState state_;
  SeriesCensus census_;
  metrics::Registry& registry_;
  std::function<void()> on_commit_;
  // Log numbers that no series has any more, with the time of the last sample that the log may have
  // under them: until that is in a block their records are kept.
  absl::flat_hash_map<wal::WalRef, model::TimestampMs> removed_;
  std::atomic<bool> interrupted_{false};
  bool closed_ = false;
};

}  // namespace narthex::tsdb
