// SPDX-License-Identifier: Apache-2.0
#include "narthex/scrape/peer_discovery.h"

#include <utility>

#include "narthex/base/metrics.h"
#include "narthex/base/mutex.h"
#include "narthex/config/alerting_config.h"
#include "scrape/pool/discovery_set.h"

namespace narthex::scrape {

struct PeerDiscovery::Impl {
  Impl(metrics::Registry& registry, Clock& clock, Changed when_changed)
      : changed(std::move(when_changed)),
        set(registry, clock, "notify",
            [this](const std::vector<std::string>& names) { Report(names); }) {}

  /// Groups are read under the lock: the last call tells the newest ones.
  void Report(const std::vector<std::string>& names) {
    MutexLock lock(mutex);
    if (applying) return;  // Half of the sections may be missing now; Apply reports all at its end.
    for (const std::string& name : names) {
      std::vector<config::TargetGroup> groups;
      for (const auto& group : set.Groups(name)) groups.push_back(*group);
      changed(name, groups);
    }
  }

  void SetApplying(bool value) {
    MutexLock lock(mutex);
    applying = value;
  }

  const Changed changed;
  Mutex mutex;  // Before the lock of the set.
  bool applying NX_GUARDED_BY(mutex) = false;
  DiscoverySet set;  // Last: its threads call Report.
};

PeerDiscovery::PeerDiscovery(metrics::Registry& registry, Clock& clock, Changed changed)
    : impl_(std::make_unique<Impl>(registry, clock, std::move(changed))) {}

PeerDiscovery::~PeerDiscovery() { Stop(); }

void PeerDiscovery::Apply(const config::AlertingConfig& config,
                          const std::function<std::string(std::size_t)>& set_name) {
  std::vector<DiscoveryJob> jobs;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < config.alertmanagers.size(); ++i) {
    const config::AlertmanagerConfig& entry = config.alertmanagers[i];
    names.push_back(set_name(i));
    jobs.push_back({names.back(), entry.static_configs, entry.discovery_configs});
  }
  impl_->SetApplying(true);
  impl_->set.Apply(jobs);
  impl_->SetApplying(false);
  impl_->Report(names);
}

void PeerDiscovery::Stop() { impl_->set.Stop(); }

}  // namespace narthex::scrape
