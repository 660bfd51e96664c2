// SPDX-License-Identifier: Apache-2.0
//
// One entry of remote_write: its thread that follows the log, and what belongs to it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/minute_log.h"
#include "narthex/base/mutex.h"
#include "narthex/model/labels.h"
#include "narthex/remote/write_storage.h"
#include "narthex/tsdb/wal_tail.h"
#include "src/remote/backfill.h"
#include "src/remote/endpoint.h"
#include "src/remote/metadata_sender.h"
#include "src/remote/position_file.h"
#include "src/remote/queue_metrics.h"
#include "src/remote/series_store.h"
#include "src/remote/shard_set.h"
#include "src/remote/wal_feed.h"

namespace narthex::remote {

/// Thread safety: any thread; Start and Stop once each, one after the other.
class WriteQueue final {
 public:
  struct Options {
    std::shared_ptr<const Endpoint> endpoint;
    model::Labels external_labels;
    bool metadata_from_labels = false;
    std::string state_path;  // Of its files, without ".position" and ".gaps".
    model::DurationMs flush_deadline_ms = 0;
    const MetadataSource* metadata = nullptr;
  };
  /// All references outlive this, as does what `source` names.
  WriteQueue(Options options, const WalSource& source, QueueMetrics& metrics, Fs& fs, Clock& clock);
  ~WriteQueue();  // Calls Stop(Ending::kNow).

  /// What is written to the log from here on is sent, and what is behind the place in the file.
  void Start();
  enum class Ending : std::uint8_t {
    kReadOn,    // What the log has is read to its end and sent, within the flush deadline.
    kSendRead,  // What was read is sent, within a few seconds.
    kNow,
  };
  void Stop(Ending ending);

  /// Once for each reshard interval: may change the number of shards.
  /// @param in_rate  samples a second that the log gets; highest_seconds: the latest time of one
  void Tick(double in_rate, double highest_seconds);

  const Endpoint& endpoint() const { return *options_.endpoint; }
  const model::Labels& external_labels() const { return options_.external_labels; }
  const std::string& state_path() const { return options_.state_path; }
  model::TimestampMs highest_sent() const;
  /// Where the log has the first record that a shard has not sent; 0 when that is not known.
  int first_unsent_segment() const;
  std::size_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }

 private:
  void Run();
  std::vector<ShardPosition> FirstPositions();
  bool StartShards();
  void FollowUntilStopped();
  void SaveIdle();
  bool OpenFeed();
  void Follow();
  void Upkeep(FeedStep step);
  void Reshard();
  bool WaitBeforeRetry(const char* what, const Error& error);
  model::TimestampMs SentUntil() const;

  const Options options_;
  Clock& clock_;
  QueueMetrics& metrics_;
  SendingTally tally_;
  MinuteLog failure_log_;
  PositionFile positions_;
  tsdb::WalTail tail_;
  SeriesStore series_;
  ShardSet shards_;
  Backfill backfill_;
  WalFeed feed_;
  std::unique_ptr<MetadataSender> metadata_;

  std::vector<ShardPosition> first_positions_;
  bool started_ = false;               // The shards are there.
  std::atomic<int> wanted_shards_{0};  // 0 = no wish.
  std::atomic<std::size_t> held_bytes_{0};
  std::chrono::steady_clock::time_point next_cut_, next_save_, next_look_;  // Of Upkeep.

  Mutex mutex_;  // Leaf.
  CondVar changed_;
  bool stopping_ NX_GUARDED_BY(mutex_) = false;
  Ending ending_ NX_GUARDED_BY(mutex_) = Ending::kNow;
  std::chrono::steady_clock::time_point deadline_ NX_GUARDED_BY(mutex_);
  bool done_ NX_GUARDED_BY(mutex_) = false;
  bool stopped_ = false;

  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace narthex::remote
