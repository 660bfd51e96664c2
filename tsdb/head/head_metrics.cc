// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/head_metrics.h"

#include <array>
#include <string>

#include "tsdb/wal/wal_metrics.h"

namespace narthex::tsdb {
namespace {

using metrics::LabelPairs;
using metrics::Registry;

metrics::Counter& SamplesOf(Registry& registry, const char* type) {
  return registry.AddCounter("prometheus_tsdb_head_samples_appended_total",
                             "Total number of appended samples.", LabelPairs{{"type", type}});
}

metrics::Counter& OutOfOrder(Registry& registry, const char* type) {
  return registry.AddCounter(
      "prometheus_tsdb_out_of_order_samples_total",
      "Total number of out of order samples ingestion failed attempts due to "
      "out of order being disabled.",
      LabelPairs{{"type", type}});
}

metrics::Counter& AppendedOutOfOrder(Registry& registry, const char* type) {
  return registry.AddCounter("prometheus_tsdb_head_out_of_order_samples_appended_total",
                             "Total number of appended out of order samples.",
                             LabelPairs{{"type", type}});
}

metrics::Counter& OutOfBounds(Registry& registry, const char* type) {
  return registry.AddCounter(
      "prometheus_tsdb_out_of_bound_samples_total",
      "Total number of out of bound samples ingestion failed attempts with out of order support "
      "disabled.",
      LabelPairs{{"type", type}});
}

metrics::Counter& TooOld(Registry& registry, const char* type) {
  return registry.AddCounter(
      "prometheus_tsdb_too_old_samples_total",
      "Total number of out of order samples ingestion failed attempts with out of support enabled, "
      "but sample outside of time window.",
      LabelPairs{{"type", type}});
}

// How late samples are: ten minutes to twelve hours.
constexpr std::array<double, 7> kLateSeconds = {600, 1800, 3600, 7200, 10800, 21600, 43200};

}  // namespace

HeadMetrics::HeadMetrics(Registry& metrics_registry, WalCompression compression)
    : active_appenders(
          metrics_registry.AddGauge("prometheus_tsdb_head_active_appenders",
                                    "Number of currently active appender transactions")),
      appenders_created(
          metrics_registry.AddCounter("prometheus_tsdb_head_appenders_created_total",
                                      "Total number of appender transactions created.")),
      series_created(metrics_registry.AddCounter("prometheus_tsdb_head_series_created_total",
                                                 "Total number of series created in the head")),
      series_removed(metrics_registry.AddCounter("prometheus_tsdb_head_series_removed_total",
                                                 "Total number of series removed in the head")),
      series_not_found(
          metrics_registry.AddCounter("prometheus_tsdb_head_series_not_found_total",
                                      "Total number of requests for series that were not found.")),
      chunks_created(metrics_registry.AddCounter("prometheus_tsdb_head_chunks_created_total",
                                                 "Total number of chunks created in the head")),
      chunks_removed(metrics_registry.AddCounter("prometheus_tsdb_head_chunks_removed_total",
                                                 "Total number of chunks removed in the head")),
      float_samples(SamplesOf(metrics_registry, "float")),
      histogram_samples(SamplesOf(metrics_registry, "histogram")),
      out_of_order_floats(OutOfOrder(metrics_registry, "float")),
      out_of_order_histograms(OutOfOrder(metrics_registry, "histogram")),
      appended_out_of_order_floats(AppendedOutOfOrder(metrics_registry, "float")),
      appended_out_of_order_histograms(AppendedOutOfOrder(metrics_registry, "histogram")),
      out_of_bound_floats(OutOfBounds(metrics_registry, "float")),
      out_of_bound_histograms(OutOfBounds(metrics_registry, "histogram")),
      too_old_floats(TooOld(metrics_registry, "float")),
      too_old_histograms(TooOld(metrics_registry, "histogram")),
      late_seconds(metrics_registry.AddHistogram(
          "prometheus_tsdb_sample_ooo_delta",
          "Delta in seconds by which a sample is considered out of order (reported regardless of "
          "OOO time window and whether sample is accepted or not).",
          kLateSeconds)),
      wbl_truncations(
          metrics_registry.AddCounter("prometheus_tsdb_out_of_order_wbl_truncations_total",
                                      "Total number of write log truncations attempted.")),
      wbl_truncations_failed(
          metrics_registry.AddCounter("prometheus_tsdb_out_of_order_wbl_truncations_failed_total",
                                      "Total number of write log truncations that failed.")),
      exemplars(metrics_registry.AddCounter("prometheus_tsdb_exemplar_exemplars_appended_total",
                                            "Total number of appended exemplars.")),
      out_of_order_exemplars(metrics_registry.AddCounter(
          "prometheus_tsdb_exemplar_out_of_order_exemplars_total",
          "Total number of out of order exemplar ingestion failed attempts.")),
      mmap_chunks(metrics_registry.AddCounter("prometheus_tsdb_mmap_chunks_total",
                                              "Total number of chunks that were memory-mapped.")),
      mmap_corruptions(
          metrics_registry.AddCounter("prometheus_tsdb_mmap_chunk_corruptions_total",
                                      "Total number of memory-mapped chunk corruptions.")),
      unreadable_chunks(metrics_registry.AddCounter(
          "narthex_tsdb_unreadable_head_chunks_total",
          "Chunks of the head that were left out of a block, or of chunks_head, because they can't "
          "be read.")),
      gc_seconds(metrics_registry.AddSummary("prometheus_tsdb_head_gc_duration_seconds",
                                             "Runtime of garbage collection in the head block.")),
      truncations(metrics_registry.AddCounter("prometheus_tsdb_head_truncations_total",
                                              "Total number of head truncations attempted.")),
      truncations_failed(
          metrics_registry.AddCounter("prometheus_tsdb_head_truncations_failed_total",
                                      "Total number of head truncations that failed.")),
      wal_corruptions(metrics_registry.AddCounter("prometheus_tsdb_wal_corruptions_total",
                                                  "Total number of WAL corruptions.")),
      wal_truncate_seconds(metrics_registry.AddSummary(
          "prometheus_tsdb_wal_truncate_duration_seconds", "Duration of WAL truncation.")),
      wal_truncations(
          metrics_registry.AddCounter("prometheus_tsdb_wal_truncations_total",
                                      "Total number of write log truncations attempted.")),
      wal_truncations_failed(
          metrics_registry.AddCounter("prometheus_tsdb_wal_truncations_failed_total",
                                      "Total number of write log truncations that failed.")),
      checkpoint_creations(
          metrics_registry.AddCounter("prometheus_tsdb_checkpoint_creations_total",
                                      "Total number of checkpoint creations attempted.")),
      checkpoint_creations_failed(
          metrics_registry.AddCounter("prometheus_tsdb_checkpoint_creations_failed_total",
                                      "Total number of checkpoint creations that failed.")),
      checkpoint_deletions(
          metrics_registry.AddCounter("prometheus_tsdb_checkpoint_deletions_total",
                                      "Total number of checkpoint deletions attempted.")),
      checkpoint_deletions_failed(
          metrics_registry.AddCounter("prometheus_tsdb_checkpoint_deletions_failed_total",
                                      "Total number of checkpoint deletions that failed.")),
      snapshot_replay_errors(
          metrics_registry.AddCounter("prometheus_tsdb_snapshot_replay_error_total",
                                      "Total number snapshot replays that failed.")),
      invalid_histograms(metrics_registry.AddCounter(
          "narthex_tsdb_replay_invalid_histograms_total",
          "Histograms of the WAL or the WBL that a replay passed over because they are not valid; "
          "the log tells why.")),
      replay_seconds(metrics_registry.AddGauge("prometheus_tsdb_data_replay_duration_seconds",
                                               "Time taken to replay the data on disk.")),
      registry(metrics_registry),
      wal(wal::MakeWalMetrics(metrics_registry, "prometheus_tsdb_wal_")),
      wbl(wal::MakeWalMetrics(metrics_registry, "prometheus_tsdb_out_of_order_wbl_")) {
  wal.bytes_saved = &wal::AddBytesSaved(metrics_registry, compression);
}

void HeadMetrics::AddUnknownRefs(std::string_view type, std::uint64_t count) {
  registry
      .AddCounter("prometheus_tsdb_wal_replay_unknown_refs_total",
                  "Total number of unknown series references encountered during WAL replay.",
                  LabelPairs{{"type", std::string(type)}})
      .Add(count);
}

}  // namespace narthex::tsdb
