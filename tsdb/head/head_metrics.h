// SPDX-License-Identifier: Apache-2.0
//
// What the head tells about itself, under Prometheus's names.
#pragma once

#include <string_view>

#include "narthex/base/metrics.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb {

/// Counters that the head moves itself; what can be asked for when printed is added by Head.
struct HeadMetrics {
  HeadMetrics(metrics::Registry& registry, WalCompression compression);

  metrics::Gauge& active_appenders;
  metrics::Counter& appenders_created;
  metrics::Counter& series_created;
  metrics::Counter& series_removed;
  metrics::Counter& series_not_found;
  metrics::Counter& chunks_created;
  metrics::Counter& chunks_removed;
  metrics::Counter& float_samples;
  metrics::Counter& histogram_samples;
  metrics::Counter& out_of_order_floats;
  metrics::Counter& out_of_order_histograms;
  metrics::Counter& appended_out_of_order_floats;
  metrics::Counter& appended_out_of_order_histograms;
  metrics::Counter& out_of_bound_floats;
  metrics::Counter& out_of_bound_histograms;
  metrics::Counter& too_old_floats;
  metrics::Counter& too_old_histograms;
  metrics::Histogram& late_seconds;
  metrics::Counter& wbl_truncations;
  metrics::Counter& wbl_truncations_failed;
  metrics::Counter& exemplars;
  metrics::Counter& out_of_order_exemplars;
  metrics::Counter& mmap_chunks;
  metrics::Counter& mmap_corruptions;
  metrics::Counter& unreadable_chunks;
  metrics::Summary& gc_seconds;
  metrics::Counter& truncations;
  metrics::Counter& truncations_failed;
  metrics::Counter& wal_corruptions;
  metrics::Summary& wal_truncate_seconds;
  metrics::Counter& wal_truncations;
  metrics::Counter& wal_truncations_failed;
  metrics::Counter& checkpoint_creations;
  metrics::Counter& checkpoint_creations_failed;
  metrics::Counter& checkpoint_deletions;
  metrics::Counter& checkpoint_deletions_failed;
  metrics::Counter& snapshot_replay_errors;
  metrics::Counter& invalid_histograms;
  metrics::Gauge& replay_seconds;
  /// Counts log entries of a type ("samples", …) whose series the log does not name.
  void AddUnknownRefs(std::string_view type, std::uint64_t count);
  metrics::Registry& registry;

  wal::WalMetrics wal;
  wal::WalMetrics wbl;
};

}  // namespace narthex::tsdb
