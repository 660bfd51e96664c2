// SPDX-License-Identifier: Apache-2.0
//
// The storage of an agent: a write-ahead log that remote write follows, and no more in memory than
// which series it has. Nothing can be asked of it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/appender.h"
#include "narthex/tsdb/db.h"

namespace narthex {
class Clock;
class Fs;
namespace metrics {
class Registry;
}
}  // namespace narthex

namespace narthex::tsdb {

struct AgentOptions {
  std::uint64_t wal_segment_bytes = 128 << 20;
  WalCompression wal_compression = WalCompression::kSnappy;
  model::DurationMs wal_sync_interval_ms = 1000;       // Background fdatasync; 0 = never.
  model::DurationMs truncate_interval_ms = 7'200'000;  // At least 1 ms, as the next two.
  model::DurationMs min_keep_ms = 300'000;             // What was sent stays in the log so long.
  model::DurationMs max_keep_ms = 14'400'000;  // What was not may go after that; never less than
                                               // the other two.
  model::DurationMs out_of_order_window_ms = 0;
  bool no_lockfile = false;
  bool start_times = false;  // They are logged. Source: feature st-storage.
  /// Checkpoints are made of what is in memory, and do not read the log again: they have the series
  /// and the time of their last samples, but no samples.
  bool checkpoint_from_memory = false;
  std::size_t checkpoint_batch = 1000;  // Series in one record of such a checkpoint.
};

/// How far the slowest endpoint of remote write has come.
struct SendingProgress {
  model::TimestampMs lowest_sent = 0;  // Unix milliseconds; 0 when none has sent anything.
  /// This segment and those behind it have what was not sent yet. None: nobody follows the log.
  std::optional<int> first_unsent_segment;
};

/// Of a folder: `lock`, and the log in `wal`, in Prometheus's format (docs/formats/wal.md).
/// Appenders differ from those of Db in what they take: a sample that is newer than the series'
/// last committed one, or older by less than the out-of-order window; also two of one time in one
/// commit. Metadata are passed over. Thread safety: any thread.
class AgentDb final : public storage::Appendable {
 public:
  /// Takes the lock and reads from the log which series there are and how far they have come. A
  /// corrupt segment is repaired; a corrupt checkpoint is an error. `fs`, `clock` and `registry`
  /// outlive the result. Errors: kUnavailable (locked), kCorruption, kIo, kInvalidArgument.
  static Result<std::unique_ptr<AgentDb>> Open(std::string dir, const AgentOptions& options, Fs& fs,
                                               Clock& clock, metrics::Registry& registry);
  ~AgentDb() override;  // Calls Close().
  AgentDb(const AgentDb&) = delete;
  AgentDb& operator=(const AgentDb&) = delete;

  /// Appenders end before the database does.
  std::unique_ptr<storage::Appender> NewAppender() override;

  /// Asked by truncations, by their thread; without it nobody follows the log. Before
  /// StartBackground.
  void SetSendingProgress(std::function<SendingProgress()> progress);

  /// Syncs the log and truncates it now and then, until StopBackground.
  void StartBackground();
  /// Ends that, and a truncation that is under way; before those end whom truncations ask.
  void StopBackground();
  /// One round of truncation: series without samples since the time that is kept leave memory, and
  /// the older two thirds of the log become a checkpoint, but for segments with what was not sent
  /// yet and is younger than max_keep_ms. Errors: kIo, kCorruption, kCancelled; the log then stays
  /// as it is.
  Status Truncate();
  /// Ends what StartBackground began and closes the log. Idempotent.
  Status Close();

  /// The folder of the log.
  const std::string& wal_dir() const;
  /// For those who follow the log (wal_tail.h); lives on when the database ends.
  std::shared_ptr<const WalProgress> wal_progress() const;
  AppendedTotals Appended() const;
  std::size_t num_series() const;
  MemoryLedger Memory() const;

 private:
  struct Impl;
  explicit AgentDb(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::tsdb
