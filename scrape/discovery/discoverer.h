// SPDX-License-Identifier: Apache-2.0
//
// Where targets come from. One implementation per mechanism of *_sd_configs.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "narthex/config/target_group.h"

namespace narthex::scrape {

/// Groups as they are passed on: shared, never changed.
using GroupList = std::vector<std::shared_ptr<const config::TargetGroup>>;

/// What a discoverer found.
struct TargetUpdate {
  /// As a rule all groups that there are. Of equal sources the last one counts.
  TargetUpdate(std::vector<config::TargetGroup> all)  // NOLINT(google-explicit-constructor)
      : groups(std::move(all)) {}
  TargetUpdate(std::vector<config::TargetGroup> list, bool is_complete)
      : groups(std::move(list)), complete(is_complete) {}

  std::vector<config::TargetGroup> groups;
  /// false: only those that changed; one without targets is gone, all others stay.
  bool complete = true;
};

/// Finds targets and tells when they change. A discoverer that fails keeps what it found last.
class Discoverer {
 public:
  /// Called on any thread, one call at a time.
  using Update = std::function<void(TargetUpdate)>;

  virtual ~Discoverer() = default;

  /// Calls `update` with what can be found without waiting for the network, before it returns;
  /// later from a thread of its own when something changes.
  virtual void Start(Update update) = 0;
  /// After it returns `update` is not called any more. Idempotent.
  virtual void Stop() = 0;
};

/// static_configs: one update and no more.
class StaticDiscoverer final : public Discoverer {
 public:
  explicit StaticDiscoverer(std::vector<config::TargetGroup> groups) : groups_(std::move(groups)) {}
  void Start(Update update) override { update(groups_); }
  void Stop() override {}

 private:
  const std::vector<config::TargetGroup> groups_;
};

}  // namespace narthex::scrape
