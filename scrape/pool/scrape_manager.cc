// SPDX-License-Identifier: Apache-2.0
#include "narthex/scrape/scrape_manager.h"

#include <unistd.h>

#include <map>
#include <set>
#include <thread>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/mutex.h"
#include "narthex/base/thread_pool.h"
#include "narthex/config/config.h"
#include "narthex/net/io_pool.h"
#include "scrape/pool/discovery_set.h"
#include "scrape/pool/scrape_pool.h"

namespace narthex::scrape {

namespace {

/// How long Stop waits for scrapes that do not react to their cancellation.
constexpr std::int64_t kStopTimeoutMs = 15'000;

/// Two servers of a pair scrape at different times: the seed has the host and the external labels.
std::uint64_t OffsetSeed(const model::Labels& external_labels) {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return Fnv1a(external_labels.ToString(), Fnv1a(host));
}

}  // namespace

struct ScrapeManager::Impl {
  Impl(net::IoPool& pool, storage::Appendable& appendable, Clock& shared_clock,
       metrics::Registry& registry, ScrapeOptions scrape_options)
      : io_pool(pool),
        clock(shared_clock),
        options(std::move(scrape_options)),
        metrics(registry),
        context{appendable,
                shared_clock,
                metrics,
                options,
                counter,
                std::make_shared<Timetable>(),
                std::make_shared<ScrapeHeld>()},
        discovery(registry, shared_clock, "scrape",
                  [this](std::vector<std::string> jobs) { Changed(std::move(jobs)); }),
        thread([this] { SyncThread(); }) {}

  /// A discoverer found something else.
  void Changed(std::vector<std::string> jobs) {
    MutexLock lock(wake_mutex);
    dirty.insert(jobs.begin(), jobs.end());
    wake.NotifyAll();
  }

  /// Brings changed jobs up to date, at most once per reload interval.
  void SyncThread() {
    SetThreadName("scrape-sync");
    std::int64_t not_before_ns = 0;
    for (;;) {
      std::set<std::string> jobs;
      {
        MutexLock lock(wake_mutex);
        while (!stopping && (dirty.empty() || clock.MonotonicNs() < not_before_ns)) {
          const std::int64_t wait_ns =
              dirty.empty() ? 3'600'000'000'000 : not_before_ns - clock.MonotonicNs();
          wake.WaitFor(wake_mutex, std::chrono::nanoseconds(std::max<std::int64_t>(wait_ns, 1)));
        }
        if (stopping) return;
        jobs.swap(dirty);
      }
      SyncJobs(jobs);
      not_before_ns = clock.MonotonicNs() + options.discovery_reload_interval_ms * 1'000'000;
    }
  }

  void SyncJobs(const std::set<std::string>& jobs) {
    MutexLock lock(mutex);
    if (stopped) return;
    for (const std::string& job : jobs) {
      if (const auto pool = pools.find(job); pool != pools.end()) {
        pool->second->Sync(discovery.Groups(job));
      }
    }
  }

  Status Apply(const config::Config& config) {
    MutexLock apply_lock(apply_mutex);
    // Discovery first, so that the pools find their targets; it must not wait for `mutex`.
    std::vector<DiscoveryJob> jobs;
    for (const config::ScrapeConfig& job : config.scrape_configs) {
      jobs.push_back({job.job_name, job.static_configs, job.discovery_configs});
    }
    discovery.Apply(jobs);
    MutexLock lock(mutex);
    if (stopped) return {};
    {
      // All pools are brought up to date below; what changes from here on counts again.
      MutexLock wake_lock(wake_mutex);
      dirty.clear();
    }
    const std::uint64_t seed = OffsetSeed(config.global.external_labels);
    Status result;
    std::map<std::string, std::unique_ptr<ScrapePool>> next;
    for (const config::ScrapeConfig& job : config.scrape_configs) {
      auto pool = ApplyJob(job, seed, result);
      pool->Sync(discovery.Groups(job.job_name));
      next.emplace(job.job_name, std::move(pool));
    }
    for (auto& [job, pool] : pools) {
      if (pool == nullptr) continue;
      std::erase_if(draining, [](const auto& weak) { return weak.expired(); });
      for (auto& weak : pool->StopLoops()) draining.push_back(std::move(weak));
      pool.reset();
    }
    pools = std::move(next);
    offset_seed = seed;
    return result;
  }

  /// The job's pool: the one it has, reloaded when something changed, or a new one.
  std::unique_ptr<ScrapePool> ApplyJob(const config::ScrapeConfig& job, std::uint64_t seed,
                                       Status& result) NX_REQUIRES(mutex) {
    LoopPlan plan{std::make_shared<const config::ScrapeConfig>(job), nullptr, seed};
    if (!job.scrape_failure_log_file.empty()) {
      auto log = FailureLog::Open(job.scrape_failure_log_file);
      if (log) {
        plan.failure_log = std::move(*log);
      } else if (result) {
        result = Fail(std::move(log).error());
      }
    }
    const auto old = pools.find(job.job_name);
    if (old == pools.end()) {
      metrics.pools.Add();
      return std::make_unique<ScrapePool>(std::move(plan), io_pool, context);
    }
    auto pool = std::move(old->second);
    if (pool->config().fingerprint != job.fingerprint || seed != offset_seed) {
      pool->Reload(std::move(plan));
    }
    return pool;
  }

  void Stop() {
    discovery.Stop();
    {
      MutexLock lock(wake_mutex);
      stopping = true;
      wake.NotifyAll();
    }
    if (thread.joinable()) thread.join();
    {
      MutexLock lock(mutex);
      if (stopped) return;
      stopped = true;
      for (const auto& [job, pool] : pools) pool->AbortLoops();
      for (const auto& weak : draining) {
        if (const auto loop = weak.lock()) loop->Abort();
      }
    }
    if (!counter.WaitForNone(kStopTimeoutMs)) log::Warn("Scrapes are still running at the stop");
  }

  net::IoPool& io_pool;
  Clock& clock;
  const ScrapeOptions options;
  ScrapeMetrics metrics;
  LoopCounter counter;
  const LoopContext context;

  // Order of locks: apply_mutex, mutex, then the leaf locks of discovery and wake_mutex.
  Mutex apply_mutex;
  mutable Mutex mutex;
  std::map<std::string, std::unique_ptr<ScrapePool>> pools NX_GUARDED_BY(mutex);
  /// Loops of removed jobs that still wait to write markers.
  std::vector<std::weak_ptr<ScrapeLoop>> draining NX_GUARDED_BY(mutex);
  std::uint64_t offset_seed NX_GUARDED_BY(mutex) = 0;
  bool stopped NX_GUARDED_BY(mutex) = false;

  Mutex wake_mutex;
  CondVar wake;
  std::set<std::string> dirty NX_GUARDED_BY(wake_mutex);
  bool stopping NX_GUARDED_BY(wake_mutex) = false;

  DiscoverySet discovery;
  std::thread thread;  // Last: it uses all of the above.
};

ScrapeManager::ScrapeManager(net::IoPool& io_pool, storage::Appendable& appendable, Clock& clock,
                             metrics::Registry& registry, ScrapeOptions options)
    : impl_(std::make_unique<Impl>(io_pool, appendable, clock, registry, std::move(options))) {}

ScrapeManager::~ScrapeManager() { Stop(); }

Status ScrapeManager::ApplyConfig(const std::shared_ptr<const config::Config>& config) {
  return impl_->Apply(*config);
}

void ScrapeManager::Stop() { impl_->Stop(); }

std::vector<std::string> ScrapeManager::ScrapePools() const {
  MutexLock lock(impl_->mutex);
  std::vector<std::string> names;
  for (const auto& [job, pool] : impl_->pools) names.push_back(job);
  return names;
}

std::vector<ActiveTarget> ScrapeManager::ActiveTargets(std::string_view pool) const {
  MutexLock lock(impl_->mutex);
  std::vector<ActiveTarget> targets;
  for (const auto& [job, p] : impl_->pools) {
    if (pool.empty() || pool == job) p->AppendActive(targets);
  }
  return targets;
}

std::vector<DroppedTarget> ScrapeManager::DroppedTargets(std::string_view pool) const {
  MutexLock lock(impl_->mutex);
  std::vector<DroppedTarget> targets;
  for (const auto& [job, p] : impl_->pools) {
    if (pool.empty() || pool == job) p->AppendDropped(targets);
  }
  return targets;
}

std::vector<std::pair<std::string, std::int64_t>> ScrapeManager::DroppedCounts() const {
  MutexLock lock(impl_->mutex);
  std::vector<std::pair<std::string, std::int64_t>> counts;
  for (const auto& [job, pool] : impl_->pools) counts.emplace_back(job, pool->dropped_count());
  return counts;
}

std::shared_ptr<const config::ScrapeConfig> ScrapeManager::PoolConfig(std::string_view pool) const {
  MutexLock lock(impl_->mutex);
  for (const auto& [job, p] : impl_->pools) {
    if (job == pool) return p->shared_config();
  }
  return nullptr;
}

std::vector<std::pair<std::string, std::uint64_t>> ScrapeManager::Memory() const {
  const ScrapeHeld& held = *impl_->context.held;
  return {{"scrape/series_caches", held.series_caches.bytes()},
          {"scrape/metadata", held.metadata.bytes()},
          {"scrape/targets", held.targets.bytes()},
          {"scrape/buffers", ScrapeBufferBytes()}};
}

void ScrapeManager::VisitMetadata(
    std::string_view metric,
    const std::function<bool(const model::Labels&, const TargetMetadata&)>& visit) const {
  MutexLock lock(impl_->mutex);
  for (const auto& [job, pool] : impl_->pools) {
    if (!pool->VisitMetadata(metric, visit)) return;
  }
}

}  // namespace narthex::scrape
