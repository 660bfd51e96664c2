// SPDX-License-Identifier: Apache-2.0
#include "scrape/pool/discovery_set.h"

#include <fmt/core.h>

#include "scrape/discovery/file_discoverer.h"

namespace narthex::scrape {

namespace {

std::string KeyOf(const config::FileSdConfig& sd) {
  std::string key = fmt::format("file/{}", sd.refresh_interval_ms);
  for (const std::string& file : sd.files) key += '\0' + file;
  return key;
}

/// Static groups are cheap, so each job has its own; the key tells whether they are still the same.
std::string KeyOf(const DiscoveryJob& job) {
  std::string key = "static/" + job.name;
  for (const config::TargetGroup& group : job.static_configs) {
    key += '\1';
    key += group.labels.bytes();
    for (const model::Labels& target : group.targets) {
      key += '\0';
      key += target.bytes();
    }
  }
  return key;
}

}  // namespace

DiscoverySet::DiscoverySet(metrics::Registry& registry, const std::string& name,
                           std::function<void(std::vector<std::string>)> changed)
    : registry_(registry),
      received_updates_(registry.AddCounter("prometheus_sd_received_updates_total",
                                            "Total number of update events received from the SD "
                                            "providers.",
                                            {{"name", name}})),
      changed_(std::move(changed)) {}

DiscoverySet::~DiscoverySet() { Stop(); }

void DiscoverySet::Apply(const std::vector<DiscoveryJob>& jobs) {
  std::map<std::string, Wanted> wanted;
  std::map<std::string, std::vector<std::string>> keys;
  const auto want = [&](const std::string& key, const std::string& job, auto make) {
    Wanted& provider = wanted[key];
    provider.jobs.insert(job);
    provider.make = std::move(make);
    keys[job].push_back(key);
  };
  for (const DiscoveryJob& job : jobs) {
    for (const config::FileSdConfig& sd : job.file_sd_configs) {
      want(KeyOf(sd), job.name,
           [this, &sd] { return std::make_unique<FileDiscoverer>(sd, registry_); });
    }
    if (job.static_configs.empty()) continue;
    want(KeyOf(job), job.name,
         [&job] { return std::make_unique<StaticDiscoverer>(job.static_configs); });
  }
  std::vector<std::pair<std::string, Discoverer*>> fresh;
  std::map<std::string, Provider> gone;
  {
    // In one step: what stays may report at any time, and no report may be lost.
    MutexLock lock(mutex_);
    gone = std::exchange(providers_, {});
    for (auto& [key, provider] : wanted) {
      auto node = gone.extract(key);
      Provider& kept =
          node.empty() ? providers_[key] : providers_.insert(std::move(node)).position->second;
      kept.jobs = std::move(provider.jobs);
      if (kept.discoverer != nullptr) continue;
      kept.discoverer = provider.make();
      fresh.emplace_back(key, kept.discoverer.get());
    }
    keys_ = std::move(keys);
  }
  for (const auto& [key, discoverer] : fresh) {
    discoverer->Start([this, key = key](std::vector<config::TargetGroup> groups) {
      OnUpdate(key, std::move(groups));
    });
  }
  for (auto& [key, provider] : gone) provider.discoverer->Stop();
}

void DiscoverySet::Stop() {
  std::map<std::string, Provider> gone;
  {
    MutexLock lock(mutex_);
    gone.swap(providers_);
    keys_.clear();
  }
  for (auto& [key, provider] : gone) provider.discoverer->Stop();
}

std::vector<config::TargetGroup> DiscoverySet::Groups(const std::string& job) const {
  MutexLock lock(mutex_);
  std::vector<config::TargetGroup> groups;
  const auto keys = keys_.find(job);
  if (keys == keys_.end()) return groups;
  for (const std::string& key : keys->second) {
    const auto& found = providers_.at(key).groups;
    groups.insert(groups.end(), found.begin(), found.end());
  }
  return groups;
}

void DiscoverySet::OnUpdate(const std::string& key, std::vector<config::TargetGroup> groups) {
  received_updates_.Add();
  std::vector<std::string> jobs;
  {
    MutexLock lock(mutex_);
    const auto provider = providers_.find(key);
    if (provider == providers_.end()) return;  // It is being stopped.
    provider->second.groups = std::move(groups);
    jobs.assign(provider->second.jobs.begin(), provider->second.jobs.end());
  }
  changed_(std::move(jobs));
}

}  // namespace narthex::scrape
