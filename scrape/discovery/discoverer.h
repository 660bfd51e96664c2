// SPDX-License-Identifier: Apache-2.0
//
// Where targets come from. One implementation per mechanism of *_sd_configs.
#pragma once

#include <functional>
#include <vector>

#include "narthex/config/discovery_config.h"

namespace narthex::scrape {

/// Finds targets and tells when they change. A discoverer that fails keeps what it found last.
class Discoverer {
 public:
  /// Given all groups that are known now; called on any thread, one call at a time.
  using Update = std::function<void(std::vector<config::TargetGroup>)>;

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
