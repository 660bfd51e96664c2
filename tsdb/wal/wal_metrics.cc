// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/wal_metrics.h"

#include <array>

namespace narthex::tsdb::wal {
namespace {

constexpr std::array<double, 3> kFsyncQuantiles = {0.5, 0.9, 0.99};

}  // namespace

WalMetrics MakeWalMetrics(metrics::Registry& registry, const std::string& prefix) {
  WalMetrics m;
  m.page_flushes =
      &registry.AddCounter(prefix + "page_flushes_total", "Total number of page flushes.");
  m.completed_pages =
      &registry.AddCounter(prefix + "completed_pages_total", "Total number of completed pages.");
  m.writes_failed = &registry.AddCounter(prefix + "writes_failed_total",
                                         "Total number of write log writes that failed.");
  m.record_parts = &registry.AddCounter(prefix + "record_part_writes_total",
                                        "Total number of record parts written before flushing.");
  m.bytes_written = &registry.AddCounter(
      prefix + "record_parts_bytes_written_total",
      "Total number of record part bytes written before flushing, including CRC and compression "
      "headers.");
  m.current_segment = &registry.AddGauge(
      prefix + "segment_current", "Write log segment index that TSDB is currently writing to.");
  m.fsync_seconds = &registry.AddSummary(prefix + "fsync_duration_seconds",
                                         "Duration of write log fsync.", kFsyncQuantiles);
  return m;
}

metrics::Counter& AddBytesSaved(metrics::Registry& registry, WalCompression compression) {
  const char* const kind = compression == WalCompression::kSnappy ? "snappy"
                           : compression == WalCompression::kZstd ? "zstd"
                                                                  : "none";
  return registry.AddCounter(
      "prometheus_tsdb_wal_record_bytes_saved_total",
      "Total number of bytes saved by the optional record compression. Use this metric to learn "
      "about the effectiveness compression.",
      metrics::LabelPairs{{"compression", kind}});
}

}  // namespace narthex::tsdb::wal
