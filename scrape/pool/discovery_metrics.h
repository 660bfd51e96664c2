// SPDX-License-Identifier: Apache-2.0
//
// Metrics of one set of discoverers. Source: Prometheus discovery/metrics.go.
#pragma once

#include <string>

#include "narthex/base/metrics.h"

namespace narthex::scrape {

class DiscoveryMetrics final {
 public:
  /// @param name  the label `name`: "scrape", "notify"
  DiscoveryMetrics(metrics::Registry& registry, const std::string& name);

  /// How many targets a job's discoverers know now.
  void SetDiscovered(const std::string& job, std::size_t num_targets);
  /// The job's groups have been passed on. @param now_ms  Unix time
  void SetUpdated(const std::string& job, std::int64_t now_ms);
  void RemoveJob(const std::string& job);

  metrics::Counter& received_updates;
  metrics::Counter& sent_updates;
  metrics::Gauge& failed_configs;

 private:
  metrics::LabelPairs Pairs(const std::string& job) const;

  metrics::Registry& registry_;
  const std::string name_;
};

}  // namespace narthex::scrape
