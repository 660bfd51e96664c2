// SPDX-License-Identifier: Apache-2.0
//
// Metrics about scraping, with Prometheus's names.
#pragma once

#include <string>

#include "narthex/base/metrics.h"

namespace narthex::scrape {

/// References into the registry. Thread safety: any thread.
struct ScrapeMetrics {
  explicit ScrapeMetrics(metrics::Registry& registry);

  metrics::Registry& registry;
  metrics::Counter& sample_limit_exceeded;
  metrics::Counter& body_size_exceeded;
  metrics::Counter& bucket_limit_exceeded;
  metrics::Counter& duplicate_timestamp;
  metrics::Counter& out_of_order;
  metrics::Counter& out_of_bounds;
  metrics::Counter& exemplar_out_of_order;
  metrics::Counter& cache_flush_forced;
  metrics::Counter& label_limits_exceeded;
  metrics::Counter& target_limit_exceeded;
  metrics::Counter& pools;
  metrics::Counter& pools_failed;
  metrics::Counter& pool_reloads;
  metrics::Counter& pool_reloads_failed;

  /// Seconds between scrapes, by the interval as Go prints it ("15s", "1m0s").
  metrics::Summary& IntervalLength(std::int64_t interval_ms);
  metrics::Summary& ReloadLength(std::int64_t interval_ms);

  /// Those of one pool; RemovePool forgets them.
  struct Pool {
    metrics::Counter& syncs;
    metrics::Counter& sync_failed;
    metrics::Gauge& targets;
    metrics::Gauge& target_limit;
    metrics::Summary& sync_length;
    metrics::Gauge& symbols;
  };
  Pool AddPool(const std::string& job);
  void RemovePool(const std::string& job);
};

}  // namespace narthex::scrape
