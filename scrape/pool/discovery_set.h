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
#include <thread>
#include <vector>

#include "narthex/base/metrics.h"
#include "narthex/base/mutex.h"
#include "narthex/config/discovery_config.h"
#include "scrape/discovery/discoverer.h"
#include "scrape/pool/discovery_metrics.h"
#include "scrape/pool/update_throttle.h"

namespace narthex {
class Clock;
}

namespace narthex::scrape {

/// What one job, or one entry of alerting.alertmanagers, says of its targets.
struct DiscoveryJob {
  std::string name;
  const std::vector<config::TargetGroup>& static_configs;
  const std::vector<config::DiscoveryConfig>& discovery_configs;
};

/// Thread safety: any thread, but Apply and Stop one at a time.
class DiscoverySet final {
 public:
  /// Called without a lock held with the jobs whose groups have changed, on a thread of the set.
  using Changed = std::function<void(std::vector<std::string>)>;

  /// @param name  the label `name` of the metrics: "scrape", "notify"
  DiscoverySet(metrics::Registry& registry, Clock& clock, const std::string& name, Changed changed,
               UpdateThrottle::Delays delays = {});
  ~DiscoverySet();  // Calls Stop().
  DiscoverySet(const DiscoverySet&) = delete;
  DiscoverySet& operator=(const DiscoverySet&) = delete;

  /// Starts what is new, stops what is gone; what stays equal is not disturbed. What needs no
  /// network is found when it returns. A discoverer that can't be made is logged and counted, and
  /// tried again by the next call.
  void Apply(const std::vector<DiscoveryJob>& jobs);
  void Stop();

  /// All groups of a job, discoverer by discoverer in the order of its sections, each sorted by
  /// source.
  GroupList Groups(const std::string& job) const;

 private:
  struct Provider {
    std::unique_ptr<Discoverer> discoverer;
    std::map<std::string, std::shared_ptr<const config::TargetGroup>> groups;  // By source.
    std::set<std::string> jobs;
  };
  using Providers = std::map<std::string, Provider>;  // By what they are made of.

  struct Wanted {
    std::set<std::string> jobs;
    std::function<std::unique_ptr<Discoverer>()> make;  // Gives null when it can't be made.
    std::unique_ptr<Discoverer> made;
  };

  std::map<std::string, Wanted> Want(const std::vector<DiscoveryJob>& jobs,
                                     std::map<std::string, std::vector<std::string>>& keys);
  /// Makes the discoverers that are wanted and not there. @return jobs for which that failed
  std::size_t MakeMissing(std::map<std::string, Wanted>& wanted);
  void OnUpdate(const std::string& key, TargetUpdate update);
  GroupList GroupsOf(const std::string& job) const NX_REQUIRES(mutex_);
  void CountTargets(const std::string& job) NX_REQUIRES(mutex_);
  void SendLoop();
  /// @return false when it is time to stop
  bool WaitUntilDue() NX_REQUIRES(mutex_);
  void Send(const std::set<std::string>& dirty);
  static void StopAll(Providers& providers);

  metrics::Registry& registry_;
  Clock& clock_;
  const std::string name_;
  DiscoveryMetrics metrics_;
  const Changed changed_;

  mutable Mutex mutex_;  // Leaf lock.
  CondVar wake_;
  Providers providers_ NX_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<std::string>> keys_ NX_GUARDED_BY(mutex_);  // By job.
  std::set<std::string> dirty_ NX_GUARDED_BY(mutex_);                           // Jobs to tell of.
  UpdateThrottle throttle_ NX_GUARDED_BY(mutex_);
  bool stopping_ NX_GUARDED_BY(mutex_) = false;
  std::thread sender_;  // Last: it uses all of the above.
};

}  // namespace narthex::scrape
