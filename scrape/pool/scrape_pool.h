// SPDX-License-Identifier: Apache-2.0
//
// All targets of one scrape_config and their loops.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "narthex/config/scrape_config.h"
#include "narthex/scrape/scrape_manager.h"
#include "scrape/discovery/discoverer.h"
#include "scrape/loop/scrape_loop.h"
#include "scrape/loop/target.h"

namespace narthex::net {
class IoPool;
}

namespace narthex::scrape {

/// Thread safety: one thread at a time (the manager's lock).
class ScrapePool final {
 public:
  ScrapePool(LoopPlan plan, net::IoPool& io_pool, const LoopContext& context);
  /// Forgets the pool's metrics. Loops must have been told to stop before.
  ~ScrapePool();
  ScrapePool(const ScrapePool&) = delete;
  ScrapePool& operator=(const ScrapePool&) = delete;

  /// Makes targets of what was discovered; starts loops for new ones, stops those of lost ones.
  void Sync(const GroupList& groups);
  /// Takes another configuration; loops go on with their caches where the series stay the same.
  void Reload(LoopPlan plan);
  /// Stops all loops. @return those that live on for a while to write markers
  std::vector<std::weak_ptr<ScrapeLoop>> StopLoops();
  /// Ends all loops at once, also those that were stopped and wait to write markers.
  void AbortLoops();

  const config::ScrapeConfig& config() const { return *plan_.config; }
  std::shared_ptr<const config::ScrapeConfig> shared_config() const { return plan_.config; }
  void AppendActive(std::vector<ActiveTarget>& targets) const;
  void AppendDropped(std::vector<DroppedTarget>& targets) const;
  std::int64_t dropped_count() const { return dropped_count_; }
  /// @return false when the visit shall end
  bool VisitMetadata(
      std::string_view metric,
      const std::function<bool(const model::Labels&, const TargetMetadata&)>& visit) const;

 private:
  using GroupPtr = std::shared_ptr<const config::TargetGroup>;
  struct Entry {
    std::shared_ptr<ScrapeLoop> loop;
    const config::TargetGroup* from = nullptr;  // Whose target it is: the first that has it.
  };
  using Loops = std::map<std::uint64_t, Entry>;  // By the target's hash.
  /// What a group's targets came to. Discoveries pass on the groups that did not change as they
  /// are, so this need not be found out again at each of their updates.
  struct MadeGroup {
    GroupPtr group;
    std::vector<std::uint64_t> hashes{};
    std::vector<model::Labels> dropped{};  // Discovered labels, at most keep_dropped_targets.
    std::int64_t dropped_count = 0;
    std::uint64_t failed = 0;
  };
  struct Syncing;

  void SyncGroup(const GroupPtr& group, Syncing& syncing);
  bool KeepGroup(const MadeGroup& made, Syncing& syncing);
  MadeGroup MakeGroup(const GroupPtr& group, std::vector<std::shared_ptr<Target>>& targets);
  void StopLoop(const std::shared_ptr<ScrapeLoop>& loop);
  std::shared_ptr<ScrapeLoop> NewLoop(std::shared_ptr<Target> target);
  void CheckTargetLimit();

  LoopPlan plan_;
  net::IoPool& io_pool_;
  const LoopContext context_;
  ScrapeMetrics::Pool metrics_;
  Loops loops_;
  std::vector<std::weak_ptr<ScrapeLoop>> stopping_;
  std::vector<MadeGroup> made_;  // As the groups came; empty under a new configuration.
  std::int64_t dropped_count_ = 0;
};

}  // namespace narthex::scrape
