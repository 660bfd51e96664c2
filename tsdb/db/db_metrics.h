// SPDX-License-Identifier: Apache-2.0
//
// What the database tells about blocks, compaction and retention, under Prometheus's names.
#pragma once

#include "narthex/base/metrics.h"

namespace narthex::tsdb {

/// Of the compactions of some of the head's series into blocks of their own.
struct PartialCompactionMetrics {
  metrics::Counter& triggered;
  metrics::Counter& failed;
  metrics::Histogram& seconds;
};

/// What can be asked for when printed is added by Db.
struct DbMetrics {
  explicit DbMetrics(metrics::Registry& registry);

  metrics::Gauge& clean_start;
  metrics::Counter& reloads;
  metrics::Counter& reloads_failed;
  metrics::Gauge& unreadable_blocks;
  metrics::Counter& compactions;
  metrics::Counter& compactions_failed;
  metrics::Counter& compactions_skipped;
  metrics::Counter& compactions_triggered;
  metrics::Counter& vertical_compactions;
  metrics::Gauge& populating_block;
  metrics::Histogram& compaction_seconds;
  metrics::Histogram& chunk_range_seconds;
  metrics::Histogram& chunk_samples;
  metrics::Histogram& chunk_bytes;
  metrics::Counter& time_retentions;
  metrics::Counter& size_retentions;
  metrics::Histogram& tombstone_cleanup_seconds;
  PartialCompactionMetrics stale_series;
  PartialCompactionMetrics selected_series;
};

}  // namespace narthex::tsdb
