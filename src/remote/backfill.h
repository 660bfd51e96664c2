// SPDX-License-Identifier: Apache-2.0
//
// Sends what the log no longer has, because an endpoint was away for longer than it reaches back:
// from blocks and head, oldest first, beside what is new.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/minute_log.h"
#include "narthex/base/mutex.h"
#include "narthex/remote/write_storage.h"
#include "src/remote/batch_sender.h"
#include "src/remote/endpoint.h"
#include "src/remote/gaps.h"
#include "src/remote/pause.h"
#include "src/remote/queue_metrics.h"
#include "src/remote/series_store.h"
#include "src/remote/slice_reader.h"

namespace narthex::remote {

/// Its samples are late for the endpoint, which has to take such (Prometheus: an out-of-order
/// window). The file of gaps is written before a gap counts as known and after each slice, so a
/// kill has a slice sent twice.
/// Thread safety: any thread, but Start and the destructor alone.
class Backfill final {
 public:
  struct Options {
    std::shared_ptr<const Endpoint> endpoint;
    SeriesStore::Options series;
    std::string path;                            // Of the file.
    std::function<model::TimestampMs()> oldest;  // As WalSource has it.
  };
  /// @param history  null: there is nothing to send from; gaps are only told of
  Backfill(Options options, storage::ChunkQueryable* history, QueueMetrics& metrics, Fs& fs,
           Clock& clock);
  ~Backfill();  // Calls Stop() and waits.
  Backfill(const Backfill&) = delete;
  Backfill& operator=(const Backfill&) = delete;

  /// Goes on with what an earlier run left.
  void Start();
  /// Remembers the gap, which is sent in the background.
  void Add(Gap gap);
  /// Ends a running request. Returns at once. Idempotent.
  void Stop();
  /// What is left.
  std::vector<Gap> gaps() const;
  std::size_t held_bytes() const { return reader_ == nullptr ? 0 : reader_->held_bytes(); }

 private:
  void Run();
  void SendGaps();
  // Waits for a gap. @return false when it is to end
  bool NextSlice(Gap& slice);
  void SliceDone(const Gap& slice);
  // @return false when it was stopped
  bool SendSlice(const Gap& slice);
  void StartThread() NX_REQUIRES(mutex_);
  void Save() NX_REQUIRES(mutex_);

  const Options options_;
  QueueMetrics& metrics_;
  Fs& fs_;
  Clock& clock_;
  SendingTally tally_;  // Of its own: it says nothing about the number of shards.
  BatchSender sender_;
  const std::unique_ptr<SliceReader> reader_;  // Null: no history.
  MinuteLog failure_log_;
  Pause pause_;
  std::stop_source stop_;  // Of reading.

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<Gap> gaps_ NX_GUARDED_BY(mutex_);
  bool stopping_ NX_GUARDED_BY(mutex_) = false;
  std::thread thread_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::remote
