// SPDX-License-Identifier: Apache-2.0
//
// The time series database: head, WAL and blocks in one folder, in Prometheus's file formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/appender.h"
#include "narthex/storage/chunk_querier.h"
#include "narthex/storage/querier.h"
#include "narthex/tsdb/appended_totals.h"
#include "narthex/tsdb/wal_tail.h"

namespace narthex {
class Clock;
class Fs;
namespace metrics {
class Registry;
}
namespace model {
struct Exemplar;
class Labels;
class Matcher;
}  // namespace model
}  // namespace narthex

namespace narthex::tsdb {

enum class WalCompression : std::uint8_t { kNone, kSnappy, kZstd };
/// How chunks of floats are encoded: the second one has room for start times.
enum class FloatEncoding : std::uint8_t { kXor, kXor2 };

/// The longest blocks as Prometheus derives them when the flag is not set: a tenth of the retention
/// (0 = none: no such bound), at most 31 days, at least min.
model::DurationMs DefaultMaxBlockDuration(model::DurationMs min, model::DurationMs retention);

struct DbOptions {
  model::DurationMs min_block_duration_ms = 7'200'000;
  model::DurationMs max_block_duration_ms = 0;               // 0 = DefaultMaxBlockDuration.
  model::DurationMs retention_ms = 15LL * 24 * 3600 * 1000;  // 0 = none.
  std::uint64_t retention_bytes = 0;                         // 0 = none.
  double retention_percentage = 0;  // Of the file system's size; wins over the bytes. 0 = none.
  std::uint64_t wal_segment_bytes = 128 << 20;
  WalCompression wal_compression = WalCompression::kSnappy;
  model::DurationMs wal_sync_interval_ms = 1000;  // Background fdatasync; 0 = never.
  std::uint64_t max_chunk_segment_bytes = 512 << 20;
  bool bypass_cache = false;  // Of chunks of new blocks. Source: feature use-uncached-io.
  int samples_per_chunk = 120;
  model::DurationMs out_of_order_window_ms = 0;  // Of the first moments; see SetOutOfOrderWindow.
  int out_of_order_cap_max = 32;  // Samples of an open out-of-order chunk, 1 … 255.
  bool no_lockfile = false;
  model::DurationMs reload_interval_ms = 60'000;  // Block reload and compaction check.
  std::size_t max_exemplars = 0;                  // Of the first moments; see SetMaxExemplars.
  bool merge_overlapping_blocks = true;
  int compaction_delay_max_percent = 0;  // Of the block range: head blocks are cut that much later,
                                         // by a random part of it. 0 = at once.
  double stale_series_compaction_threshold = 0;  // See SetStaleSeriesCompaction.
  std::string uploaded_blocks_file;  // Level-1 blocks that it does not list are not compacted; "" =
                                     // all are. Source: --storage.tsdb.delay-compact-file.path.
  bool metadata_wal_records = false;                   // Whether UpdateMetadata is kept and logged.
  FloatEncoding float_encoding = FloatEncoding::kXor;  // Of new chunks; see SetFloatEncoding.
  bool xor2_allowed = false;                           // Source: feature xor2-encoding.
  bool start_times = false;            // They are logged; wants XOR2. Source: feature st-storage.
  bool histogram_start_times = false;  // Chunks of histograms have room for them. Source: feature
                                       // histograms-st-encoding.
  bool snapshot_on_close = true;       // Write the head out, so that the next Open need not replay.
  std::string program_version;         // A snapshot of another version is not used.
};

struct BlockInfo {
  std::string ulid;
  std::string meta_json;  // The file as it is.
  model::TimestampMs min_time = 0;
  model::TimestampMs max_time = 0;  // Exclusive.
  std::uint64_t num_samples = 0, num_series = 0, num_chunks = 0, num_tombstones = 0;
  std::uint64_t size_bytes = 0;
};

/// Cardinality of the head, for the status page. Each list sorted by falling number.
struct HeadStats {
  std::uint64_t num_series = 0, num_label_pairs = 0, num_chunks = 0;
  model::TimestampMs min_time = 0, max_time = 0;
  using TopList = std::vector<std::pair<std::string, std::uint64_t>>;
  TopList series_by_metric_name, values_by_label_name, bytes_by_label_name, series_by_label_pair;
};

/// Bytes that each part of the database holds in memory; the sum explains the RSS.
struct MemoryLedger {
  std::vector<std::pair<std::string, std::uint64_t>> parts;  // "head/series", "head/symbols", …
  std::uint64_t total() const;
};

struct WalReplayProgress {
  int min = 0, max = 0, current = 0;  // Segment numbers.
};

/// Thread safety: any thread.
class Db final : public storage::Queryable,
                 public storage::ChunkQueryable,
                 public storage::Appendable {
 public:
  /// Takes the lock, opens blocks, replays the WAL. Errors: kUnavailable (locked), kCorruption
  /// where repair would lose more, kInvalidArgument (options that contradict each other), kIo. Does
  /// not start the background thread.
  static Result<std::unique_ptr<Db>> Open(std::string dir, DbOptions options, Fs& fs, Clock& clock,
                                          metrics::Registry& registry);
  ~Db() override;  // Calls Close().
  Db(const Db&) = delete;
  Db& operator=(const Db&) = delete;

  std::unique_ptr<storage::Appender> NewAppender() override;
  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs mint,
                                                       model::TimestampMs maxt) override;
  Result<std::unique_ptr<storage::ChunkSeriesSet>> SelectChunks(
      model::TimestampMs mint, model::TimestampMs maxt, std::span<const model::Matcher> matchers,
      const storage::SelectHints& hints, std::stop_token stop = {}) override;

  /// Starts compaction, retention and WAL sync in the background.
  void StartBackground();
  /// One round of what the background does: cut head blocks that are due, compact, apply retention.
  Status Compact();
  /// The other part of such a round: moves stale series out of the head, when they are so many and
  /// the head is not to be cut within ten minutes.
  Status CompactStaleSeries();
  /// Ends background work, flushes the WAL and releases the lock. Idempotent.
  Status Close();

  /// New retention (configuration reload); see DbOptions.
  void SetRetention(model::DurationMs retention_ms, std::uint64_t retention_bytes,
                    double retention_percentage);
  /// How far behind the newest sample of the head late samples are taken; 0 = not at all. For
  /// appenders made from now on (configuration reload).
  void SetOutOfOrderWindow(model::DurationMs window_ms);
  /// How many exemplars are kept, of which the newest stay (configuration reload); 0 = exemplar
  /// storage is off.
  void SetMaxExemplars(std::size_t max);

  /// Of float chunks that are begun from now on (configuration reload); Check only says whether it
  /// can be set. Errors: kInvalidArgument when the options do not allow it.
  Status CheckFloatEncoding(FloatEncoding encoding) const;
  Status SetFloatEncoding(FloatEncoding encoding);

  /// From which part of the head's series on (0 … 1) those that have gone stale are moved to blocks
  /// of their own; 0 = never. Source: storage.tsdb.stale_series_compaction_threshold.
  void SetStaleSeriesCompaction(double threshold);

  /// Deletes the samples with mint ≤ t ≤ maxt of the series that match all matchers: tombstones in
  /// the blocks, a WAL record and memory in the head. Durable when it returns.
  /// Source: Prometheus tsdb DB.Delete.
  Status DeleteSeries(model::TimestampMs mint, model::TimestampMs maxt,
                      std::span<const model::Matcher> matchers);
  /// Rewrites the blocks that have tombstones without the deleted samples.
  Status CleanTombstones();
  /// Writes every block, as hard links, and with `with_head` the head as a block of its own, into
  /// `dir`, which must not exist or be empty. Errors: kInvalidArgument "cannot snapshot into base
  /// directory", "dir must not be a valid ULID"; kIo.
  Status Snapshot(const std::string& dir, bool with_head);

  /// Calls `visit` for the series that match one of the matcher sets and have exemplars in
  /// [mint, maxt]; series sorted by labels, exemplars ascending in time.
  using ExemplarVisitor =
      std::function<void(const model::Labels& series, std::span<const model::Exemplar>)>;
  Status SelectExemplars(model::TimestampMs mint, model::TimestampMs maxt,
                         std::span<const std::vector<model::Matcher>> matcher_sets,
                         const ExemplarVisitor& visit) const;

  std::vector<BlockInfo> Blocks() const;
  HeadStats Stats(std::size_t limit) const;
  MemoryLedger Memory() const;
  WalReplayProgress ReplayProgress() const;
  /// prometheus_tsdb_wal_corruptions_total.
  std::uint64_t wal_corruptions() const;
  AppendedTotals Appended() const;
  /// For those who follow the WAL (wal_tail.h); lives on when the database ends.
  std::shared_ptr<const WalProgress> wal_progress() const;
  /// Smallest time of any sample, kMaxTime when there is none.
  model::TimestampMs min_time() const;
  /// From when on the first block has samples; nothing when there is no block.
  std::optional<model::TimestampMs> first_block_time() const;

 private:
  struct Impl;
  explicit Db(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::tsdb
