// SPDX-License-Identifier: Apache-2.0
//
// consul_sd_configs: blocking queries, one for the list of services and one for each service.
// Source: Prometheus discovery/consul.
#pragma once

#include <chrono>
#include <memory>

#include "narthex/base/metrics.h"
#include "narthex/base/result.h"
#include "narthex/config/consul_sd.h"
#include "scrape/discovery/discoverer.h"
#include "scrape/discovery/discovery_context.h"

namespace narthex::scrape {

/// All watches are coroutines of one thread; each has a connection of its own.
/// Thread safety: Start and Stop one thread at a time.
class ConsulDiscoverer final : public Discoverer {
 public:
  struct Bounds {
    std::chrono::milliseconds retry{15'000};   // After a failure.
    std::chrono::milliseconds watch{120'000};  // How long the agent may keep a query.
    std::size_t services = 10'000;             // Watched at the same time, each by a connection.
  };

  static Result<std::unique_ptr<Discoverer>> Make(const config::ConsulSdConfig& config,
                                                  const DiscoveryContext& context, Bounds bounds);
  static Result<std::unique_ptr<Discoverer>> Make(const config::ConsulSdConfig& config,
                                                  const DiscoveryContext& context) {
    return Make(config, context, Bounds());
  }
  static void AddMetrics(metrics::Registry& registry);

  ~ConsulDiscoverer() override;  // Calls Stop().

  void Start(Update update) override;
  void Stop() override;

 private:
  struct Impl;
  explicit ConsulDiscoverer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::scrape
