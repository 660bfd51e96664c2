// SPDX-License-Identifier: Apache-2.0
#include "tsdb/agent/agent_metrics.h"

#include "tsdb/wal/wal_metrics.h"

namespace narthex::tsdb {
namespace {

metrics::Counter& SamplesOf(metrics::Registry& registry, const char* type) {
  return registry.AddCounter("prometheus_agent_samples_appended_total",
                             "Total number of samples appended to the storage.",
                             metrics::LabelPairs{{"type", type}});
}

}  // namespace

AgentMetrics::AgentMetrics(metrics::Registry& registry, WalCompression compression)
    : clean_start(registry.AddGauge("prometheus_agent_clean_start",
                                    "-1: lockfile is disabled. 0: a lockfile from a previous "
                                    "execution was replaced. 1: lockfile creation was clean")),
      active_series(registry.AddGauge("prometheus_agent_active_series",
                                      "Number of active series being tracked by the WAL storage.")),
      deleted_series(registry.AddGauge("prometheus_agent_deleted_series",
                                       "Number of series pending deletion from the WAL.")),
      floats(SamplesOf(registry, "float")),
      histograms(SamplesOf(registry, "histogram")),
      exemplars(registry.AddCounter("prometheus_agent_exemplars_appended_total",
                                    "Total number of exemplars appended to the storage.")),
      out_of_order(
          registry.AddCounter("prometheus_agent_out_of_order_samples_total",
                              "Total number of out of order samples ingestion failed attempts.")),
      truncate_seconds(registry.AddSummary("prometheus_agent_truncate_duration_seconds",
                                           "Duration of WAL truncation.")),
      corruptions(registry.AddCounter("prometheus_agent_corruptions_total",
                                      "Total number of WAL corruptions.")),
      replay_seconds(registry.AddGauge("prometheus_agent_data_replay_duration_seconds",
                                       "Time taken to replay the data on disk.")),
      checkpoint_creations(registry.AddCounter("prometheus_agent_checkpoint_creations_total",
                                               "Total number of checkpoint creations attempted.")),
      checkpoint_creations_failed(
          registry.AddCounter("prometheus_agent_checkpoint_creations_failed_total",
                              "Total number of checkpoint creations that failed.")),
      checkpoint_deletions(registry.AddCounter("prometheus_agent_checkpoint_deletions_total",
                                               "Total number of checkpoint deletions attempted.")),
      checkpoint_deletions_failed(
          registry.AddCounter("prometheus_agent_checkpoint_deletions_failed_total",
                              "Total number of checkpoint deletions that failed.")),
      wal_truncations(registry.AddCounter("prometheus_tsdb_wal_truncations_total",
                                          "Total number of write log truncations attempted.")),
      wal_truncations_failed(
          registry.AddCounter("prometheus_tsdb_wal_truncations_failed_total",
                              "Total number of write log truncations that failed.")),
      wal(wal::MakeWalMetrics(registry, "prometheus_tsdb_wal_")) {
  wal.bytes_saved = &wal::AddBytesSaved(registry, compression);
}

}  // namespace narthex::tsdb
