// SPDX-License-Identifier: Apache-2.0
#include "scrape/pool/discovery_set.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "scrape/discovery/make_discoverer.h"

namespace narthex::scrape {

namespace {

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

DiscoverySet::DiscoverySet(metrics::Registry& registry, Clock& clock, const std::string& name,
                           Changed changed, UpdateThrottle::Delays delays)
    : registry_(registry),
      clock_(clock),
      name_(name),
      metrics_(registry, name),
      changed_(std::move(changed)),
      throttle_(delays),
      sender_([this] { SendLoop(); }) {
  AddDiscoveryMetrics(registry);
}

DiscoverySet::~DiscoverySet() { Stop(); }

void DiscoverySet::Apply(const std::vector<DiscoveryJob>& jobs) {
  std::map<std::string, std::vector<std::string>> keys;
  std::map<std::string, Wanted> wanted = Want(jobs, keys);
  const std::size_t failed = MakeMissing(wanted);
  std::vector<std::pair<std::string, Discoverer*>> fresh;
  Providers gone;
  {
    // In one step: what stays may report at any time, and no report may be lost.
    MutexLock lock(mutex_);
    gone = std::exchange(providers_, {});
    for (auto& [key, provider] : wanted) {
      auto node = gone.extract(key);
      Provider& kept =
          node.empty() ? providers_[key] : providers_.insert(std::move(node)).position->second;
      kept.jobs = std::move(provider.jobs);
      if (provider.made == nullptr) continue;
      kept.discoverer = std::move(provider.made);
      fresh.emplace_back(key, kept.discoverer.get());
    }
    for (const auto& [job, old_keys] : keys_) {
      if (!keys.contains(job)) metrics_.RemoveJob(job);
    }
    keys_ = std::move(keys);
  }
  metrics_.failed_configs.Set(static_cast<double>(failed));
  for (const auto& [key, discoverer] : fresh) {
    discoverer->Start([this, key = key](TargetUpdate update) { OnUpdate(key, std::move(update)); });
  }
  StopAll(gone);
  MutexLock lock(mutex_);
  for (const auto& [job, job_keys] : keys_) CountTargets(job);
}

std::size_t DiscoverySet::MakeMissing(std::map<std::string, Wanted>& wanted) {
  std::set<std::string> known;
  {
    MutexLock lock(mutex_);
    for (const auto& [key, provider] : providers_) {
      if (provider.discoverer != nullptr) known.insert(key);
    }
  }
  std::size_t failed = 0;
  for (auto& [key, provider] : wanted) {
    if (known.contains(key)) continue;
    provider.made = provider.make();  // May read files, so without the lock.
    if (provider.made == nullptr) failed += provider.jobs.size();
  }
  return failed;
}

std::map<std::string, DiscoverySet::Wanted> DiscoverySet::Want(
    const std::vector<DiscoveryJob>& jobs, std::map<std::string, std::vector<std::string>>& keys) {
  std::map<std::string, Wanted> wanted;
  for (const DiscoveryJob& job : jobs) {
    std::vector<std::string>& job_keys = keys[job.name];
    for (const config::DiscoveryConfig& sd : job.discovery_configs) {
      // Written twice, it is there once.
      if (std::find(job_keys.begin(), job_keys.end(), sd.key) != job_keys.end()) continue;
      job_keys.push_back(sd.key);
      const auto [entry, is_first] = wanted.try_emplace(sd.key);
      entry->second.jobs.insert(job.name);
      if (!is_first) continue;  // The first job's name is in the metrics of all.
      entry->second.make = [this, &sd, &job]() -> std::unique_ptr<Discoverer> {
        auto made = MakeDiscoverer(sd, {registry_, clock_, name_, job.name});
        if (made) return std::move(*made);
        log::Error("Cannot create service discovery",
                   {{"err", made.error().message()}, {"type", sd.mechanism}, {"config", job.name}});
        return nullptr;
      };
    }
    if (job.static_configs.empty()) continue;
    job_keys.push_back(KeyOf(job));
    Wanted& entry = wanted[job_keys.back()];
    entry.jobs.insert(job.name);
    entry.make = [&job] { return std::make_unique<StaticDiscoverer>(job.static_configs); };
  }
  return wanted;
}

void DiscoverySet::Stop() {
  Providers gone;
  {
    MutexLock lock(mutex_);
    gone.swap(providers_);
    keys_.clear();
    stopping_ = true;
    wake_.NotifyAll();
  }
  StopAll(gone);
  if (sender_.joinable()) sender_.join();
}

void DiscoverySet::StopAll(Providers& providers) {
  for (auto& [key, provider] : providers) {
    if (provider.discoverer != nullptr) provider.discoverer->Stop();
  }
}

GroupList DiscoverySet::Groups(const std::string& job) const {
  MutexLock lock(mutex_);
  return GroupsOf(job);
}

GroupList DiscoverySet::GroupsOf(const std::string& job) const {
  GroupList groups;
  const auto keys = keys_.find(job);
  if (keys == keys_.end()) return groups;
  for (const std::string& key : keys->second) {
    for (const auto& [source, group] : providers_.at(key).groups) groups.push_back(group);
  }
  return groups;
}

void DiscoverySet::CountTargets(const std::string& job) {
  std::size_t num_targets = 0;
  for (const auto& group : GroupsOf(job)) num_targets += group->targets.size();
  metrics_.SetDiscovered(job, num_targets);
}

void DiscoverySet::OnUpdate(const std::string& key, TargetUpdate update) {
  metrics_.received_updates.Add();
  MutexLock lock(mutex_);
  const auto found = providers_.find(key);
  if (found == providers_.end()) return;  // It is being stopped.
  Provider& provider = found->second;
  if (update.complete) provider.groups.clear();
  for (config::TargetGroup& group : update.groups) {
    std::string source = group.source;
    if (group.targets.empty()) {
      provider.groups.erase(source);
    } else {
      provider.groups[std::move(source)] =
          std::make_shared<const config::TargetGroup>(std::move(group));
    }
  }
  dirty_.insert(provider.jobs.begin(), provider.jobs.end());
  throttle_.Change(clock_.MonotonicNs());
  wake_.NotifyAll();
}

bool DiscoverySet::WaitUntilDue() {
  while (!stopping_) {
    const auto due = throttle_.due_ns();
    const std::int64_t left = due ? *due - clock_.MonotonicNs() : 3'600'000'000'000;
    if (left <= 0) return true;
    wake_.WaitFor(mutex_, std::chrono::nanoseconds(left));
  }
  return false;
}

void DiscoverySet::SendLoop() {
  SetThreadName("sd-" + name_);
  for (;;) {
    std::set<std::string> dirty;
    {
      MutexLock lock(mutex_);
      if (!WaitUntilDue()) return;
      dirty.swap(dirty_);
      throttle_.Sent(clock_.MonotonicNs());
    }
    try {
      Send(dirty);
    } catch (const std::exception& e) {  // For lack of memory, say: told again a little later.
      {
        MutexLock lock(mutex_);
        dirty_.merge(dirty);
        throttle_.Change(clock_.MonotonicNs());
      }
      log::Error("Passing on targets failed", {{"name", name_}, {"err", e.what()}});
    }
  }
}

void DiscoverySet::Send(const std::set<std::string>& dirty) {
  std::vector<std::string> jobs;
  {
    MutexLock lock(mutex_);
    for (const auto& [job, keys] : keys_) {
      CountTargets(job);
      metrics_.SetUpdated(job, clock_.NowMs());
      if (dirty.contains(job)) jobs.push_back(job);
    }
  }
  metrics_.sent_updates.Add();
  changed_(std::move(jobs));
}

}  // namespace narthex::scrape
