// SPDX-License-Identifier: Apache-2.0
//
// What a queue tells about itself, under Prometheus's names.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "narthex/base/metrics.h"
#include "narthex/model/timestamp.h"

namespace narthex::remote {

enum class DropReason : std::uint8_t {
  kTooOld,         // Older than sample_age_limit.
  kDroppedSeries,  // By write_relabel_configs.
  kUnknownSeries,  // The log does not say whose it is.
  kCustomBuckets,  // Native histograms with custom buckets, which version 1 does not have.
};

/// Counters of samples, histograms and exemplars.
struct KindCounters {
  KindCounters(metrics::Registry& registry, const char* kind, const metrics::LabelPairs& labels);

  metrics::Counter& sent;  // Each attempt counts.
  metrics::Counter& failed;
  metrics::Counter& retried;
  std::array<metrics::Counter*, 4> dropped;  // By reason.
  metrics::Gauge& pending;

  void Drop(DropReason reason, std::uint64_t n) {
    if (n > 0) dropped[static_cast<std::size_t>(reason)]->Add(n);
  }
};

/// As Prometheus's gauges have times of samples.
inline double WholeSeconds(model::TimestampMs t) {
  const std::int64_t seconds = t / 1000;
  return static_cast<double>(seconds);
}

/// A gauge of seconds that only rises. Thread safety: any thread.
void RaiseTo(metrics::Gauge& gauge, double seconds);

/// Equal names and URLs give the same counters, so a queue that is made anew goes on counting.
/// Thread safety: any thread.
struct QueueMetrics {
  QueueMetrics(metrics::Registry& registry, const std::string& name, const std::string& url);
  /// Takes those of a queue that is no more out of the registry; it must not be used any more then.
  static void Remove(metrics::Registry& registry, const std::string& name, const std::string& url);

  /// Counts a record of the log by its first byte; by the log's reader alone.
  void CountRecord(std::uint8_t type);

  KindCounters samples, histograms, exemplars;
  metrics::Counter& metadata;
  metrics::Counter& metadata_failed;
  metrics::Counter& metadata_retried;
  metrics::Counter& enqueue_retries;
  metrics::Histogram& batch_seconds;
  metrics::Gauge& highest_seconds;
  metrics::Gauge& highest_sent_seconds;
  metrics::Gauge& shard_capacity;
  metrics::Gauge& shards;
  metrics::Gauge& shards_max;
  metrics::Gauge& shards_min;
  metrics::Gauge& shards_desired;
  metrics::Gauge& max_samples_per_send;
  metrics::Counter& bytes;
  metrics::Counter& metadata_bytes;
  // Of the log's reader; Prometheus has them under its name alone.
  metrics::Gauge& wal_segment;
  metrics::Counter& wal_decode_failures;
  metrics::Counter& sent_pre_tailing;  // Records of samples, until the end was seen for the first
                                       // time.
  // Our own: how often segments were gone before they were read.
  metrics::Counter& gaps;
  // Of gaps, in the database.
  metrics::Counter& unreadable_series;
  metrics::Counter& unreadable_slices;
  metrics::Counter& wal_damaged;  // Segments whose rest could not be read.

 private:
  metrics::Registry& registry_;
  const std::string name_;
  std::array<metrics::Counter*, 14> records_{};  // By type; made when there is one.
};

}  // namespace narthex::remote
