// SPDX-License-Identifier: Apache-2.0
//
// Finds what is not scraped: the Alertmanagers. The same mechanisms as for targets.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "narthex/config/target_group.h"

namespace narthex {
class Clock;
namespace config {
struct AlertingConfig;
}
namespace metrics {
class Registry;
}
}  // namespace narthex

namespace narthex::scrape {

/// Thread safety: Apply and Stop one thread at a time.
class PeerDiscovery final {
 public:
  /// All groups of an entry; called on any thread, one call at a time.
  using Changed =
      std::function<void(const std::string& set, const std::vector<config::TargetGroup>&)>;

  /// @param registry  not owned, outlives the object, as `clock`
  PeerDiscovery(metrics::Registry& registry, Clock& clock, Changed changed);
  ~PeerDiscovery();  // Calls Stop().
  PeerDiscovery(const PeerDiscovery&) = delete;
  PeerDiscovery& operator=(const PeerDiscovery&) = delete;

  /// Starts what is new, stops what is gone, and calls `changed` for every entry of
  /// alerting.alertmanagers before it returns. @param set_name  the name of the n-th entry
  void Apply(const config::AlertingConfig& config,
             const std::function<std::string(std::size_t)>& set_name);

  /// After it returns nothing is called any more. Idempotent.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::scrape
