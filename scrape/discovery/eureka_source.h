// SPDX-License-Identifier: Apache-2.0
//
// eureka_sd_configs: the instances of all applications of a Eureka server.
// Source: Prometheus discovery/eureka.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "narthex/base/metrics.h"
#include "narthex/config/eureka_sd.h"
#include "scrape/discovery/discovery_context.h"
#include "scrape/discovery/refresh_discoverer.h"
#include "scrape/discovery/sd_client.h"

namespace narthex::scrape {

class EurekaSource final : public RefreshSource {
 public:
  static Result<std::unique_ptr<Discoverer>> Make(const config::EurekaSdConfig& config,
                                                  const DiscoveryContext& context);

  EurekaSource(config::EurekaSdConfig config, std::unique_ptr<SdClient> client)
      : config_(std::move(config)), client_(std::move(client)) {}

  Result<std::vector<config::TargetGroup>> Refresh() override;
  void Cancel() noexcept override { client_->Cancel(); }

 private:
  const config::EurekaSdConfig config_;
  const std::unique_ptr<SdClient> client_;
};

}  // namespace narthex::scrape
