// SPDX-License-Identifier: Apache-2.0
//
// Remote write: sends what the write-ahead log gets on to other servers.
//
//   WriteStorage storage(options, SystemClock(), registry);
//   storage.Start({.dir = "data/wal", .progress = db.wal_progress(), …});
//   storage.ApplyConfig(config);
//   …
//   storage.Stop();
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/config/http_config.h"
#include "narthex/model/metadata.h"
#include "narthex/model/timestamp.h"
#include "narthex/net/http_client.h"
#include "narthex/tsdb/wal_tail.h"

namespace narthex {
class Clock;
namespace config {
struct Config;
}
namespace metrics {
class Registry;
}
namespace storage {
class ChunkQueryable;
}
}  // namespace narthex

namespace narthex::remote {

/// What the log got since the process started.
struct AppendTotals {
  std::uint64_t samples = 0, histograms = 0, exemplars = 0;
  model::TimestampMs highest = 0;  // The latest time of a sample.
};

/// The log that is followed.
struct WalSource {
  std::string dir;
  std::shared_ptr<const tsdb::WalProgress> progress;  // Null: what the files have.
  std::function<AppendTotals()> totals;               // Any thread. Null: not known.
  /// Where samples can be had that the log no longer has when an endpoint comes back. Null:
  /// nowhere. Not owned; outlives the WriteStorage's Stop.
  storage::ChunkQueryable* history = nullptr;
  std::function<model::TimestampMs()> oldest{};  // No sample of it is older. Null: not known.
};

/// Type, help and unit of metric families, for endpoints of version 1. Thread safety: any thread.
class MetadataSource {
 public:
  virtual ~MetadataSource() = default;
  /// Calls `visit` for each family of each target; families may repeat. Views are valid during the
  /// call.
  virtual void Visit(
      const std::function<void(std::string_view family, model::MetricType type,
                               std::string_view help, std::string_view unit)>& visit) const = 0;
};

struct WriteStorageOptions {
  std::string data_dir;  // Has the folder remote_write, with how far each endpoint has come.
  Fs* fs = &SystemFs();
  /// --storage.remote.flush-deadline: how long Stop waits for what was read to be taken.
  model::DurationMs flush_deadline_ms = 60'000;
  /// What makes a client's options of its settings.
  std::function<Result<net::HttpClientOptions>(const config::HttpConfig&)> client_options;
  const MetadataSource* metadata = nullptr;  // Null: none. Not owned.
  /// Version 2: type and unit come from the labels __type__ and __unit__.
  /// Source: feature type-and-unit-labels.
  bool type_and_unit_labels = false;
};

/// One queue for each entry of remote_write. A queue follows the log at its endpoint's pace; what
/// an endpoint does not take stays in the log, so memory has a bound whatever it is behind. How far
/// it has come is in a file, where the next run goes on.
/// Thread safety: any thread; Start, ApplyConfig and Stop one at a time.
class WriteStorage final {
 public:
  WriteStorage(WriteStorageOptions options, Clock& clock, metrics::Registry& registry);
  ~WriteStorage();  // Calls Stop().
  WriteStorage(const WriteStorage&) = delete;
  WriteStorage& operator=(const WriteStorage&) = delete;

  /// Before the first ApplyConfig.
  void Start(WalSource source);
  /// Whether ApplyConfig would take it. Errors: kInvalidArgument, kIo, with the URL of the entry.
  Status Check(const config::Config& config) const;
  /// Queues whose entry and whose external labels are as before go on undisturbed; others end, and
  /// new ones go on where they were. An endpoint that was not there before begins with what is
  /// written from now on. Errors: as Check, and then nothing has changed.
  Status ApplyConfig(const config::Config& config);
  /// Sends what the log has, for at most the flush deadline. What is left is sent by the next run.
  /// Idempotent.
  void Stop();

  /// The smallest of the latest times that the queues have sent; 0 when there is no queue.
  model::TimestampMs LowestSentTimestamp() const;
  /// This segment of the log and those behind it have what a queue has not sent yet: the smallest
  /// of the queues; 0 while it is not known, before the first ApplyConfig, during one and from Stop
  /// on; nothing when there is no queue.
  std::optional<int> FirstUnsentSegment() const;
  /// Bytes that queues and their series hold.
  std::size_t held_bytes() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::remote
