// SPDX-License-Identifier: Apache-2.0
//
// What the agent's storage tells about itself, under Prometheus's names.
#pragma once

#include "narthex/base/metrics.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb {

struct AgentMetrics {
  AgentMetrics(metrics::Registry& registry, WalCompression compression);

  metrics::Gauge& clean_start;
  metrics::Gauge& active_series;
  metrics::Gauge& deleted_series;  // Whose records the log must keep for now.
  metrics::Counter& floats;
  metrics::Counter& histograms;
  metrics::Counter& exemplars;
  metrics::Counter& out_of_order;
  metrics::Summary& truncate_seconds;
  metrics::Counter& corruptions;
  metrics::Gauge& replay_seconds;
  metrics::Counter& checkpoint_creations;
  metrics::Counter& checkpoint_creations_failed;
  metrics::Counter& checkpoint_deletions;
  metrics::Counter& checkpoint_deletions_failed;
  metrics::Counter& wal_truncations;
  metrics::Counter& wal_truncations_failed;

  wal::WalMetrics wal;
};

}  // namespace narthex::tsdb
