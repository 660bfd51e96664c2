// SPDX-License-Identifier: Apache-2.0
//
// What the head consists of, shared by the classes that write, read, replay and cut it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/mutex.h"
#include "narthex/storage/appender.h"
#include "tsdb/compact/sample_run.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/head/chunk_store.h"
#include "tsdb/head/exemplar_store.h"
#include "tsdb/head/head_index.h"
#include "tsdb/head/head_metadata.h"
#include "tsdb/head/head_metrics.h"
#include "tsdb/head/head_tombstones.h"
#include "tsdb/head/isolation.h"
#include "tsdb/head/ooo_head.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb {

struct HeadOptions {
  ChunkLimits limits;
  model::DurationMs out_of_order_window_ms = 0;  // Of the first moments; see HeadState.
  int out_of_order_cap_max = 32;
  std::size_t max_exemplars = 0;
  bool metadata_wal_records = false;
  bool xor2 = false;                // At first; see ChunkStore::SetXor2.
  bool start_times = false;         // The logs have them.
  bool started_histograms = false;  // Chunks of histograms have room for them.
  wal::WalOptions wal;
  bool repair_wal = true;    // False: a corrupt WAL is an error, for who may not change the folder.
  bool use_snapshot = true;  // False: one that is there is left alone.
  std::string program_version;  // A snapshot of another one is not used.
};

/// Open appenders, with the time that each may write from. Thread safety: any thread.
class AppenderRegistry {
 public:
  using Place = std::list<model::TimestampMs>::iterator;
  Place Add(model::TimestampMs min_valid);
  void Update(Place place, model::TimestampMs min_valid);
  void Remove(Place place);
  /// The smallest time that an open appender may write, kMinTime when one does not know yet;
  /// kMaxTime when none is open.
  model::TimestampMs Lowest();
  /// Waits until no appender may write before t. @return false when interrupted
  bool WaitUntilAbove(model::TimestampMs t);
  /// Ends all waits, from now on.
  void Interrupt();

 private:
  Mutex mutex_;
  CondVar changed_;
  std::list<model::TimestampMs> open_ NX_GUARDED_BY(mutex_);
  bool interrupted_ NX_GUARDED_BY(mutex_) = false;
};

/// Thread safety: as each member says; those functions that are here, any thread.
struct HeadState {
  HeadState(const HeadOptions& head_options, Fs& file_system, std::string data_dir,
            metrics::Registry& registry)
      : options(head_options),
        fs(file_system),
        dir(std::move(data_dir)),
        metrics(registry, head_options.wal.compression),
        index(isolation),
        chunks(head_options.limits, head_options.xor2, head_options.started_histograms),
        files(file_system, JoinPath(dir, "chunks_head")),
        ooo(file_system, JoinPath(dir, "wbl"), head_options.wal, head_options.out_of_order_cap_max,
            index, chunks, files, metrics, head_options.start_times),
        exemplars(head_options.max_exemplars),
        metadata(head_options.metadata_wal_records),
        out_of_order_window_ms(head_options.out_of_order_window_ms) {}

  const HeadOptions options;
  Fs& fs;
  const std::string dir;
  HeadMetrics metrics;
  Isolation isolation;
  HeadIndex index;
  ChunkStore chunks;
  ChunkFiles files;
  std::unique_ptr<wal::Wal> wal;  // Set once by Head::Load.
  AppenderRegistry appenders;
  OooHead ooo;
  ExemplarStore exemplars;
  HeadTombstones tombstones;
  HeadMetadata metadata;
  // How far behind max_time late samples are taken; 0 = not at all. For appenders that begin now.
  std::atomic<model::DurationMs> out_of_order_window_ms;

  // The closed range of samples; kMaxTime and kMinTime while there is none.
  std::atomic<model::TimestampMs> min_time{model::kMaxTime};
  std::atomic<model::TimestampMs> max_time{model::kMinTime};
  std::atomic<model::TimestampMs> min_valid_time{model::kMinTime};  // Older samples are refused.

  /// Of chunks that are begun now.
  RunEncodings encodings() const { return {chunks.xor2(), chunks.started_histograms()}; }
  /// Whether start times are stored anywhere.
  bool keeps_starts() const {
    return options.start_times || chunks.xor2() || chunks.started_histograms();
  }

  bool empty() const { return max_time.load() == model::kMinTime; }
  /// Takes the first sample's time when the head is empty.
  void InitTime(model::TimestampMs t);
  void WidenTimes(model::TimestampMs mint, model::TimestampMs maxt);

  /// What is deleted of a series: readers drop the samples in these intervals. Ascending, disjoint.
  std::vector<Interval> DeletedOf(SeriesSlot slot) const;
  void AddTombstone(SeriesSlot slot, Interval interval);

  /// Counts a chunk whose samples are lost, and says in the log of which series it is.
  void ReportUnreadable(SeriesSlot slot, const Error& error) const;

  /// Notes series with full chunks in memory; writes them out when they are many.
  void AddFull(std::vector<SeriesSlot>& slots);
  /// Moves full chunks from memory to chunks_head. One that can't be read stays where it is.
  Status FlushFull();
  /// Full chunks have been dropped: they need not be written any more.
  void ForgetDropped();

  static storage::SeriesRef RefOf(SeriesSlot slot, const MemSeries& series) {
    return storage::SeriesRef{static_cast<std::uint64_t>(series.generation) << 32 | slot};
  }
  static SeriesSlot SlotOf(storage::SeriesRef ref) {
    return static_cast<SeriesSlot>(static_cast<std::uint64_t>(ref));
  }
  static std::uint32_t GenerationOf(storage::SeriesRef ref) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(ref) >> 32);
  }

 private:
  std::vector<SeriesSlot> TakeFull();
  Status Flush(std::vector<SeriesSlot> slots);
  // Writes the chunks of the first series of the list. @return of how many
  Result<std::size_t> WriteFull(std::span<const SeriesSlot> slots) NX_REQUIRES(flush_mutex_);

  Mutex flush_mutex_;  // One flush at a time. Taken before full_mutex_ and series locks.
  Mutex full_mutex_;   // Leaf.
  std::vector<SeriesSlot> full_ NX_GUARDED_BY(full_mutex_);
};

}  // namespace narthex::tsdb
