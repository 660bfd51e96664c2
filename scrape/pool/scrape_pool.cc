// SPDX-License-Identifier: Apache-2.0
#include "scrape/pool/scrape_pool.h"

#include <algorithm>
#include <unordered_map>

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

/// One synchronisation under way.
struct ScrapePool::Syncing {
  std::unordered_map<const config::TargetGroup*, MadeGroup*> known{};  // In made_.
  std::vector<MadeGroup> made{};
  Loops loops{};
  std::vector<std::shared_ptr<ScrapeLoop>> fresh{};
};

void ScrapePool::Sync(const GroupList& groups) {
  const Stopwatch stopwatch(context_.clock, metrics_.sync_length);
  Syncing syncing;
  for (MadeGroup& made : made_) syncing.known.emplace(made.group.get(), &made);
  for (const GroupPtr& group : groups) SyncGroup(group, syncing);
  for (const auto& [hash, entry] : loops_) StopLoop(entry.loop);
  loops_ = std::move(syncing.loops);
  made_ = std::move(syncing.made);
  dropped_count_ = 0;
  for (const MadeGroup& made : made_) {
    dropped_count_ += made.dropped_count;
    metrics_.sync_failed.Add(made.failed);
  }
  metrics_.targets.Set(static_cast<double>(loops_.size()));
  CheckTargetLimit();
  for (const auto& loop : syncing.fresh) loop->Start();
  metrics_.syncs.Add();
}

void ScrapePool::SyncGroup(const GroupPtr& group, Syncing& syncing) {
  if (const auto known = syncing.known.find(group.get()); known != syncing.known.end()) {
    MadeGroup& made = *known->second;
    const bool kept = made.group != nullptr && KeepGroup(made, syncing);
    if (kept) {
      syncing.made.push_back(std::move(made));
      return;
    }
  }
  std::vector<std::shared_ptr<Target>> targets;
  syncing.made.push_back(MakeGroup(group, targets));
  for (std::shared_ptr<Target>& target : targets) {
    const std::uint64_t hash = target->hash();
    if (syncing.loops.contains(hash)) continue;  // The same target twice.
    if (const auto old = loops_.find(hash); old != loops_.end()) {
      old->second.loop->target()->SetDiscovered(target->Snapshot("").discovered_labels);
      old->second.from = group.get();
      syncing.loops.insert(loops_.extract(old));
      continue;
    }
    syncing.fresh.push_back(NewLoop(std::move(target)));
    syncing.loops.emplace(hash, Entry{syncing.fresh.back(), group.get()});
  }
}

/// Takes the loops of a group over as they are. @return false, and nothing is done, when a target
/// of it belonged to another group, whose labels it shows
bool ScrapePool::KeepGroup(const MadeGroup& made, Syncing& syncing) {
  const auto kept = [&](std::uint64_t hash) {
    if (syncing.loops.contains(hash)) return true;
    const auto old = loops_.find(hash);
    return old != loops_.end() && old->second.from == made.group.get();
  };
  if (!std::all_of(made.hashes.begin(), made.hashes.end(), kept)) return false;
  for (const std::uint64_t hash : made.hashes) {
    if (const auto old = loops_.find(hash); old != loops_.end() && !syncing.loops.contains(hash)) {
      syncing.loops.insert(loops_.extract(old));
    }
  }
  return true;
}

void ScrapePool::Reload(LoopPlan plan) {
  const Stopwatch stopwatch(context_.clock,
                            context_.metrics.ReloadLength(plan.config->scrape_interval_ms));
  context_.metrics.pool_reloads.Add();
  const bool same_series = plan.config->series_fingerprint == plan_.config->series_fingerprint;
  plan_ = std::move(plan);
  metrics_.target_limit.Set(static_cast<double>(plan_.config->target_limit));
  CheckTargetLimit();
  made_.clear();
  for (auto& [hash, entry] : loops_) {
    auto& loop = entry.loop;
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
  for (const auto& [hash, entry] : loops_) StopLoop(entry.loop);
  loops_.clear();
  return std::move(stopping_);
}

void ScrapePool::AbortLoops() {
  for (const auto& [hash, entry] : loops_) entry.loop->Abort();
  for (const auto& weak : stopping_) {
    if (const auto loop = weak.lock()) loop->Abort();
  }
}

void ScrapePool::AppendActive(std::vector<ActiveTarget>& targets) const {
  const auto from = static_cast<std::ptrdiff_t>(targets.size());
  for (const auto& [hash, entry] : loops_) {
    targets.push_back(entry.loop->target()->Snapshot(plan_.config->job_name));
  }
  std::sort(targets.begin() + from, targets.end(), [](const auto& a, const auto& b) {
    return a.scrape_url != b.scrape_url ? a.scrape_url < b.scrape_url : a.labels < b.labels;
  });
}

void ScrapePool::AppendDropped(std::vector<DroppedTarget>& targets) const {
  const std::uint64_t limit = plan_.config->keep_dropped_targets;
  std::uint64_t shown = 0;
  for (const MadeGroup& made : made_) {
    for (const model::Labels& labels : made.dropped) {
      if (limit > 0 && shown++ == limit) return;
      targets.push_back({plan_.config->job_name, labels});
    }
  }
}

bool ScrapePool::VisitMetadata(
    std::string_view metric,
    const std::function<bool(const model::Labels&, const TargetMetadata&)>& visit) const {
  for (const auto& [hash, entry] : loops_) {
    const Target& target = *entry.loop->target();
    const bool go_on = target.metadata().Visit(metric, [&](std::string_view family,
                                                           const model::Metadata& metadata) {
      return visit(target.public_labels(), {family, metadata.type, metadata.help, metadata.unit});
    });
    if (!go_on) return false;
  }
  return true;
}

ScrapePool::MadeGroup ScrapePool::MakeGroup(const GroupPtr& shared_group,
                                            std::vector<std::shared_ptr<Target>>& targets) {
  const config::ScrapeConfig& config = *plan_.config;
  const config::TargetGroup& group = *shared_group;
  MadeGroup made{.group = shared_group};
  for (std::size_t i = 0; i < group.targets.size(); ++i) {
    model::Labels discovered = DiscoveredLabels(group.targets[i], group, config);
    auto identity = MakeTarget(discovered, config);
    if (!identity) {
      ++made.failed;
      log::Error("Creating target failed",
                 {{"scrape_pool", config.job_name},
                  {"err", fmt::format("instance {} in group {}: {}", i, group.source,
                                      identity.error().message())}});
      continue;
    }
    auto target = std::make_shared<Target>(std::move(*identity), std::move(discovered));
    // Without any label of its own a target counts as dropped, too.
    if (!target->public_labels().empty()) {
      made.hashes.push_back(target->hash());
      targets.push_back(std::move(target));
      continue;
    }
    ++made.dropped_count;
    if (config.keep_dropped_targets == 0 || made.dropped.size() < config.keep_dropped_targets) {
      made.dropped.push_back(target->Snapshot("").discovered_labels);
    }
  }
  return made;
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
  for (const auto& [hash, entry] : loops_) entry.loop->target()->SetForcedError(error);
}

}  // namespace narthex::scrape
