// SPDX-License-Identifier: Apache-2.0
#include "scrape/pool/scrape_pool.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/net/io_pool.h"
#include "scrape/pool/target_labels.h"

namespace narthex::scrape {

namespace {

/// Measures a piece of work into a summary.
class Stopwatch {
 public:
  Stopwatch(Clock& clock, metrics::Summary& summary)
      : clock_(clock), summary_(summary), start_ns_(clock.MonotonicNs()) {}
  ~Stopwatch() { summary_.Observe(static_cast<double>(clock_.MonotonicNs() - start_ns_) / 1e9); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  Clock& clock_;
  metrics::Summary& summary_;
  const std::int64_t start_ns_;
};

}  // namespace

ScrapePool::ScrapePool(LoopPlan plan, net::IoPool& io_pool, const LoopContext& context)
    : plan_(std::move(plan)),
      io_pool_(io_pool),
      context_(context),
      metrics_(context.metrics.AddPool(plan_.config->job_name)) {
  metrics_.target_limit.Set(static_cast<double>(plan_.config->target_limit));
}

ScrapePool::~ScrapePool() { context_.metrics.RemovePool(plan_.config->job_name); }

void ScrapePool::Sync(const GroupList& groups) {
  const Stopwatch stopwatch(context_.clock, metrics_.sync_length);
  Loops next;
  std::vector<std::shared_ptr<ScrapeLoop>> fresh;
  for (std::shared_ptr<Target>& target : MakeTargets(groups)) {
    const std::uint64_t hash = target->hash();
    if (next.contains(hash)) continue;  // The same target twice.
    if (const auto old = loops_.find(hash); old != loops_.end()) {
      old->second->target()->SetDiscovered(target->Snapshot("").discovered_labels);
      next.insert(loops_.extract(old));
      continue;
    }
    fresh.push_back(NewLoop(std::move(target)));
    next.emplace(hash, fresh.back());
  }
  for (const auto& [hash, loop] : loops_) StopLoop(loop);
  loops_ = std::move(next);
  metrics_.targets.Set(static_cast<double>(loops_.size()));
  CheckTargetLimit();
  for (const auto& loop : fresh) loop->Start();
  metrics_.syncs.Add();
}

void ScrapePool::Reload(LoopPlan plan) {
  const Stopwatch stopwatch(context_.clock,
                            context_.metrics.ReloadLength(plan.config->scrape_interval_ms));
  context_.metrics.pool_reloads.Add();
  const bool same_series = plan.config->series_fingerprint == plan_.config->series_fingerprint;
  plan_ = std::move(plan);
  metrics_.target_limit.Set(static_cast<double>(plan_.config->target_limit));
  CheckTargetLimit();
  for (auto& [hash, loop] : loops_) {
    if (same_series) {
      loop->Replan(plan_);
      continue;
    }
    StopLoop(loop);
    // On the same thread as its predecessor, with which it shares the target's metadata.
    loop = std::make_shared<ScrapeLoop>(loop->io(), context_, loop->target(), plan_);
    loop->Start();
  }
}

std::vector<std::weak_ptr<ScrapeLoop>> ScrapePool::StopLoops() {
  for (const auto& [hash, loop] : loops_) StopLoop(loop);
  loops_.clear();
  return std::move(stopping_);
}

void ScrapePool::AbortLoops() {
  for (const auto& [hash, loop] : loops_) loop->Abort();
  for (const auto& weak : stopping_) {
    if (const auto loop = weak.lock()) loop->Abort();
  }
}

void ScrapePool::AppendActive(std::vector<ActiveTarget>& targets) const {
  const auto from = static_cast<std::ptrdiff_t>(targets.size());
  for (const auto& [hash, loop] : loops_) {
    targets.push_back(loop->target()->Snapshot(plan_.config->job_name));
  }
  std::sort(targets.begin() + from, targets.end(), [](const auto& a, const auto& b) {
    return a.scrape_url != b.scrape_url ? a.scrape_url < b.scrape_url : a.labels < b.labels;
  });
}

void ScrapePool::AppendDropped(std::vector<DroppedTarget>& targets) const {
  for (const model::Labels& labels : dropped_) {
    targets.push_back({plan_.config->job_name, labels});
  }
}

bool ScrapePool::VisitMetadata(
    std::string_view metric,
    const std::function<bool(const model::Labels&, const TargetMetadata&)>& visit) const {
  for (const auto& [hash, loop] : loops_) {
    const Target& target = *loop->target();
    const bool go_on = target.metadata().Visit(metric, [&](std::string_view family,
                                                           const model::Metadata& metadata) {
      return visit(target.public_labels(), {family, metadata.type, metadata.help, metadata.unit});
    });
    if (!go_on) return false;
  }
  return true;
}

std::vector<std::shared_ptr<Target>> ScrapePool::MakeTargets(const GroupList& groups) {
  const config::ScrapeConfig& config = *plan_.config;
  std::vector<std::shared_ptr<Target>> targets;
  dropped_.clear();
  dropped_count_ = 0;
  for (const auto& shared_group : groups) {
    const config::TargetGroup& group = *shared_group;
    for (std::size_t i = 0; i < group.targets.size(); ++i) {
      model::Labels discovered = DiscoveredLabels(group.targets[i], group, config);
      auto identity = MakeTarget(discovered, config);
      if (!identity) {
        metrics_.sync_failed.Add();
        log::Error("Creating target failed",
                   {{"scrape_pool", config.job_name},
                    {"err", fmt::format("instance {} in group {}: {}", i, group.source,
                                        identity.error().message())}});
        continue;
      }
      auto target = std::make_shared<Target>(std::move(*identity), std::move(discovered));
      // Without any label of its own a target counts as dropped, too.
      if (!target->public_labels().empty()) {
        targets.push_back(std::move(target));
        continue;
      }
      ++dropped_count_;
      if (config.keep_dropped_targets == 0 || dropped_.size() < config.keep_dropped_targets) {
        dropped_.push_back(target->Snapshot("").discovered_labels);
      }
    }
  }
  return targets;
}

void ScrapePool::StopLoop(const std::shared_ptr<ScrapeLoop>& loop) {
  std::erase_if(stopping_, [](const auto& weak) { return weak.expired(); });
  stopping_.push_back(loop);
  loop->Stop();
}

std::shared_ptr<ScrapeLoop> ScrapePool::NewLoop(std::shared_ptr<Target> target) {
  return std::make_shared<ScrapeLoop>(io_pool_.Next(), context_, std::move(target), plan_);
}

void ScrapePool::CheckTargetLimit() {
  const std::uint64_t limit = plan_.config->target_limit;
  std::string error;
  if (limit > 0 && loops_.size() > limit) {
    context_.metrics.target_limit_exceeded.Add();
    error = fmt::format("target_limit exceeded (number of targets: {}, limit: {})", loops_.size(),
                        limit);
  }
  for (const auto& [hash, loop] : loops_) loop->target()->SetForcedError(error);
}

}  // namespace narthex::scrape
