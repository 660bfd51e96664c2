// SPDX-License-Identifier: Apache-2.0
//
// Out-of-order ingestion: late samples into the store and the write-behind log (WBL), and out of
// them when they are in blocks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "narthex/base/mutex.h"
#include "tsdb/head/head_index.h"
#include "tsdb/head/head_metrics.h"
#include "tsdb/head/ooo_store.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb {

class ChunkStore;
class OooCommit;

struct LateSample {
  SeriesSlot slot = 0;
  OooSample sample;
};

/// Thread safety: any thread. The head's other parts outlive it.
class OooHead {
 public:
  /// @param dir  of the WBL
  /// @param chunks  says how chunks are encoded
  /// @param start_times  whether the WBL gets them
  OooHead(Fs& fs, std::string dir, const wal::WalOptions& wal_options, int cap,
          const HeadIndex& index, const ChunkStore& chunks, ChunkFiles& files, HeadMetrics& metrics,
          bool start_times);

  const OooStore& store() const { return store_; }
  /// For replay, which is alone.
  OooStore& store() { return store_; }

  /// After the store has been filled: opens the WBL, which begins a new segment, when there is a
  /// window or an old WBL. Errors: kIo.
  Status Resume(bool has_window);
  /// Whether there has been an out-of-order window.
  bool enabled() const;

  struct Inserted {
    std::uint64_t floats = 0, histograms = 0;
  };
  /// Makes the samples visible and writes them to the WBL. Those whose time is taken in the open
  /// chunk of their series are left out. Errors: kIo, and then none is visible.
  Status Insert(std::span<const LateSample> samples, Inserted& inserted);

  /// What a compaction of late samples takes over.
  struct Boundary {
    int wbl_segment = 0;  // Segments before this one have nothing else.
    ChunkPlace last;      // Full chunks up to this one.
  };
  /// Begins a new segment of the WBL and moves all late samples to chunks_head. Errors: kIo.
  Result<Boundary> CutAll();
  /// Drops what CutAll gave, which is in blocks now.
  void Drop(const Boundary& boundary);

  Status Sync();
  Status Close();
  /// Bytes of the WBL's buffers.
  std::size_t held_bytes() const;

 private:
  Status OpenLocked() NX_REQUIRES(mutex_);
  OooCommit NewCommit() const NX_REQUIRES(mutex_);
  Status CutPart(std::size_t part, ChunkPlace& last);

  Fs& fs_;
  const std::string dir_;
  const wal::WalOptions wal_options_;
  const std::size_t cap_;
  const HeadIndex& index_;
  const ChunkStore& chunks_;
  ChunkFiles& files_;
  HeadMetrics& metrics_;
  const bool start_times_;
  OooStore store_;

  // Held from the look at an open chunk until its samples are in the WBL: so the log has them in
  // the order of the store. Taken before the locks of the WBL, chunks_head, the store and series.
  mutable Mutex mutex_;
  std::shared_ptr<wal::Wal> wbl_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::tsdb
