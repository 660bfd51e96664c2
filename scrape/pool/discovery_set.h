// SPDX-License-Identifier: Apache-2.0
//
// The discoverers of all scrape pools, or of all Alertmanagers. Jobs with equal *_sd_configs share
// one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "narthex/base/metrics.h"
#include "narthex/base/mutex.h"
#include "narthex/config/discovery_config.h"
#include "scrape/discovery/discoverer.h"

namespace narthex::scrape {

/// What one job, or one entry of alerting.alertmanagers, says of its targets.
struct DiscoveryJob {
  std::string name;
  const std::vector<config::TargetGroup>& static_configs;
  const std::vector<config::FileSdConfig>& file_sd_configs;
};

/// Thread safety: any thread, but Apply and Stop one at a time.
class DiscoverySet final {
 public:
  /// @param name     the label `name` of the metrics: "scrape", "notify"
  /// @param changed  called, without a lock held, with the jobs whose groups have changed
  DiscoverySet(metrics::Registry& registry, const std::string& name,
               std::function<void(std::vector<std::string>)> changed);
  ~DiscoverySet();  // Calls Stop().
  DiscoverySet(const DiscoverySet&) = delete;
  DiscoverySet& operator=(const DiscoverySet&) = delete;

  /// Starts what is new, stops what is gone; what stays equal is not disturbed.
  void Apply(const std::vector<DiscoveryJob>& jobs);
  void Stop();

  /// All groups of a job, in the order of its sections.
  std::vector<config::TargetGroup> Groups(const std::string& job) const;

 private:
  struct Provider {
    std::unique_ptr<Discoverer> discoverer;
    std::vector<config::TargetGroup> groups;
    std::set<std::string> jobs;
  };

  struct Wanted {
    std::set<std::string> jobs;
    std::function<std::unique_ptr<Discoverer>()> make;
  };

  void OnUpdate(const std::string& key, std::vector<config::TargetGroup> groups);

  metrics::Registry& registry_;
  metrics::Counter& received_updates_;
  const std::function<void(std::vector<std::string>)> changed_;

  mutable Mutex mutex_;                                              // Leaf lock.
  std::map<std::string, Provider> providers_ NX_GUARDED_BY(mutex_);  // By what they are made of.
  std::map<std::string, std::vector<std::string>> keys_ NX_GUARDED_BY(mutex_);  // By job.
};

}  // namespace narthex::scrape
