// SPDX-License-Identifier: Apache-2.0
#include "tsdb/db/db_metrics.h"

#include <vector>

namespace narthex::tsdb {
namespace {

// prometheus.ExponentialBuckets.
std::vector<double> Exponential(double start, double factor, int count) {
  std::vector<double> bounds;
  for (int i = 0; i < count; ++i) {
    bounds.push_back(start);
    start *= factor;
  }
  return bounds;
}

}  // namespace

DbMetrics::DbMetrics(metrics::Registry& registry)
    : clean_start(registry.AddGauge(
          "prometheus_tsdb_clean_start",
          "-1: lockfile is disabled. 0: a lockfile from a previous execution was replaced. 1: "
          "lockfile creation was clean")),
      reloads(registry.AddCounter("prometheus_tsdb_reloads_total",
                                  "Number of times the database reloaded block data from disk.")),
      reloads_failed(registry.AddCounter(
          "prometheus_tsdb_reloads_failures_total",
          "Number of times the database failed to reloadBlocks block data from disk.")),
      unreadable_blocks(registry.AddGauge(
          "narthex_tsdb_unreadable_blocks",
          "Number of blocks in the data folder that can't be opened; the log names them.")),
      compactions(
          registry.AddCounter("prometheus_tsdb_compactions_total",
                              "Total number of compactions that were executed for the partition.")),
      compactions_failed(
          registry.AddCounter("prometheus_tsdb_compactions_failed_total",
                              "Total number of compactions that failed for the partition.")),
      compactions_skipped(registry.AddCounter(
          "prometheus_tsdb_compactions_skipped_total",
          "Total number of skipped compactions due to disabled auto compaction.")),
      compactions_triggered(
          registry.AddCounter("prometheus_tsdb_compactions_triggered_total",
                              "Total number of triggered compactions for the partition.")),
      vertical_compactions(
          registry.AddCounter("prometheus_tsdb_vertical_compactions_total",
                              "Total number of compactions done on overlapping blocks.")),
      populating_block(
          registry.AddGauge("prometheus_tsdb_compaction_populating_block",
                            "Set to 1 when a block is currently being written to the disk.")),
      compaction_seconds(registry.AddHistogram("prometheus_tsdb_compaction_duration_seconds",
                                               "Duration of compaction runs",
                                               Exponential(1, 2, 14))),
      chunk_range_seconds(registry.AddHistogram(
          "prometheus_tsdb_compaction_chunk_range_seconds",
          "Final time range of chunks on their first compaction", Exponential(100, 4, 10))),
      chunk_samples(registry.AddHistogram("prometheus_tsdb_compaction_chunk_samples",
                                          "Final number of samples on their first compaction",
                                          Exponential(4, 1.5, 12))),
      chunk_bytes(registry.AddHistogram("prometheus_tsdb_compaction_chunk_size_bytes",
                                        "Final size of chunks on their first compaction",
                                        Exponential(32, 1.5, 12))),
      time_retentions(registry.AddCounter(
          "prometheus_tsdb_time_retentions_total",
          "The number of times that blocks were deleted because the maximum time limit was "
          "exceeded.")),
      size_retentions(registry.AddCounter(
          "prometheus_tsdb_size_retentions_total",
          "The number of times that blocks were deleted because the maximum number of bytes was "
          "exceeded.")),
      tombstone_cleanup_seconds(
          registry.AddHistogram("prometheus_tsdb_tombstone_cleanup_seconds",
                                "The time taken to recompact blocks to remove tombstones.", {})),
      stale_series{registry.AddCounter("prometheus_tsdb_stale_series_compactions_triggered_total",
                                       "Total number of triggered stale series compactions."),
                   registry.AddCounter("prometheus_tsdb_stale_series_compactions_failed_total",
                                       "Total number of stale series compactions that failed."),
                   registry.AddHistogram("prometheus_tsdb_stale_series_compaction_duration_seconds",
                                         "Duration of stale series compaction runs.",
                                         Exponential(1, 2, 14))},
      selected_series{
          registry.AddCounter("prometheus_tsdb_selected_series_compactions_triggered_total",
                              "Total number of compactions triggered for an explicit "
                              "caller-provided list of series references."),
          registry.AddCounter("prometheus_tsdb_selected_series_compactions_failed_total",
                              "Total number of compactions triggered for an explicit "
                              "caller-provided list of series references that failed."),
          registry.AddHistogram("prometheus_tsdb_selected_series_compaction_duration_seconds",
                                "Duration of compactions triggered for an explicit "
                                "caller-provided list of series references.",
                                Exponential(1, 2, 14))} {}

}  // namespace narthex::tsdb
