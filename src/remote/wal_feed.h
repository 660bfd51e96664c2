// SPDX-License-Identifier: Apache-2.0
//
// From the log to the shards: reads records, knows the series and adds what is to be sent.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "narthex/base/clock.h"
#include "narthex/base/minute_log.h"
#include "narthex/storage/start_times.h"
#include "narthex/tsdb/wal_tail.h"
#include "src/remote/batch.h"
#include "src/remote/endpoint.h"
#include "src/remote/gaps.h"
#include "src/remote/queue_metrics.h"
#include "src/remote/series_store.h"
#include "src/remote/shard_set.h"

namespace narthex::remote {

enum class FeedStep : std::uint8_t { kRecord, kCaughtUp, kInterrupted };

/// Thread safety: one thread at a time.
class WalFeed final {
 public:
  struct Options {
    std::shared_ptr<const Endpoint> endpoint;
    /// Told when samples were gone before they were read, once the next one after them is known.
    std::function<void(const Gap&)> on_gap;
  };
  /// All references outlive this.
  WalFeed(Options options, tsdb::WalTail& tail, SeriesStore& series, ShardSet& shards,
          QueueMetrics& metrics, SendingTally& tally, Clock& clock);

  /// Begins (anew): series from the newest checkpoint on, samples from where the shards want them.
  /// @param sent_until  the latest time that was surely sent; for a gap
  /// Errors: kIo, kCorruption.
  Status Open(model::TimestampMs sent_until);
  /// One record. Errors: as Open, which is called again then.
  Result<FeedStep> Next();
  /// Everything before it was added to the shards.
  const Mark& place() const { return place_; }
  /// Whether samples are gone of which on_gap was not told yet: no place is to be saved then.
  bool in_gap() const { return gap_from_.has_value(); }
  /// The latest time of what was added, but not one ahead of now.
  model::TimestampMs reached() const;
  /// Forgets series that the log no longer has, when there is a new checkpoint.
  void ForgetOldSeries();
  std::size_t held_bytes() const;

 private:
  // What became of a record's items; counted together.
  struct Counts {
    std::uint32_t too_old = 0, dropped = 0, unknown = 0, custom = 0;
  };

  bool Wanted() const;
  bool Handle();
  void Count(KindCounters& kind, const Counts& counts);
  // Whether it is to be sent; counts it otherwise.
  bool Keep(WalRef ref, model::TimestampMs t, std::uint32_t& series, Counts& counts) const;
  void NoteTime(model::TimestampMs t);
  bool AddSamples(Status& status);
  template <typename Entry, typename Decode>
  bool AddHistograms(std::vector<Entry>& entries, Decode&& decode, Status& status);
  bool AddExemplars(Status& status);
  template <typename Entry>
  void EndGap(const std::vector<Entry>& first_behind);
  void LookForDamage();
  void BeginRecord();

  const Options options_;
  const bool with_histograms_;
  tsdb::WalTail& tail_;
  SeriesStore& series_;
  ShardSet& shards_;
  QueueMetrics& metrics_;
  SendingTally& tally_;
  Clock& clock_;
  MinuteLog unknown_log_, decode_log_, custom_log_;

  bool tailing_ = false;  // The end of the log was seen.
  Mark first_wanted_;
  Mark place_;
  model::TimestampMs highest_ = 0;
  model::TimestampMs sent_until_ = 0;
  std::uint64_t damaged_ = 0;
  model::TimestampMs oldest_wanted_ = model::kMinTime;  // By sample_age_limit.
  std::optional<model::TimestampMs> gap_from_;          // What comes next ends it.
  std::optional<int> forget_before_;  // Series that no segment from here on has are to go.

  std::vector<tsdb::wal::SeriesEntry> new_series_;
  std::vector<tsdb::wal::SampleEntry> samples_;
  storage::StartTimes starts_;
  std::vector<tsdb::wal::HistogramEntry> histograms_;
  std::vector<tsdb::wal::FloatHistogramEntry> float_histograms_;
  std::vector<tsdb::wal::ExemplarEntry> exemplars_;
  std::vector<tsdb::wal::MetadataEntry> metadata_;
  std::string message_;
};

}  // namespace narthex::remote
