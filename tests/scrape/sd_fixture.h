// SPDX-License-Identifier: Apache-2.0
//
// What tests of discoveries share: a registry, a context, and what was found.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/base/mutex.h"
#include "scrape/discovery/discoverer.h"
#include "scrape/discovery/discovery_context.h"

namespace narthex::scrape {

class SdTest : public ::testing::Test {
 protected:
  DiscoveryContext context() { return {registry, SystemClock(), "scrape", "job"}; }

  Discoverer::Update Record() {
    return [this](const TargetUpdate& update) {
      MutexLock lock(mutex_);
      if (update.complete) groups_.clear();
      for (const config::TargetGroup& group : update.groups) {
        if (group.targets.empty()) {
          groups_.erase(group.source);
        } else {
          groups_[group.source] = group;
        }
      }
      ++num_updates_;
      changed_.NotifyAll();
    };
  }
  /// Waits until as many updates have come.
  void WaitForUpdates(int n) {
    MutexLock lock(mutex_);
    while (num_updates_ < n) changed_.Wait(mutex_);
  }
  /// Waits until the sources of what is known are these.
  void WaitForSources(const std::set<std::string>& wanted) {
    MutexLock lock(mutex_);
    while (SourcesLocked() != wanted) changed_.Wait(mutex_);
  }
  void WaitForTargets(const std::string& source, const std::vector<std::string>& wanted) {
    MutexLock lock(mutex_);
    while (TargetsLocked(source) != wanted) changed_.Wait(mutex_);
  }
  std::vector<std::string> Targets(const std::string& source) {
    MutexLock lock(mutex_);
    return TargetsLocked(source);
  }
  std::string GroupLabels(const std::string& source) {
    MutexLock lock(mutex_);
    return groups_[source].labels.ToString();
  }
  int num_updates() {
    MutexLock lock(mutex_);
    return num_updates_;
  }
  std::uint64_t CounterValue(const std::string& name) {
    return registry.AddCounter(name, "").value();
  }

  metrics::Registry registry;

 private:
  std::set<std::string> SourcesLocked() const NX_REQUIRES(mutex_) {
    std::set<std::string> sources;
    for (const auto& [source, group] : groups_) {
      if (!group.targets.empty()) sources.insert(source);
    }
    return sources;
  }

  std::vector<std::string> TargetsLocked(const std::string& source) NX_REQUIRES(mutex_) {
    std::vector<std::string> texts;
    for (const model::Labels& target : groups_[source].targets) texts.push_back(target.ToString());
    return texts;
  }

  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, config::TargetGroup> groups_ NX_GUARDED_BY(mutex_);
  int num_updates_ NX_GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::scrape
