// SPDX-License-Identifier: Apache-2.0
//
// marathon_sd_configs: the tasks of all applications of a Marathon.
// Source: Prometheus discovery/marathon.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "narthex/base/metrics.h"
#include "narthex/config/marathon_sd.h"
#include "scrape/discovery/discovery_context.h"
#include "scrape/discovery/refresh_discoverer.h"
#include "scrape/discovery/sd_client.h"

namespace narthex::scrape {

class MarathonSource final : public RefreshSource {
 public:
  static Result<std::unique_ptr<Discoverer>> Make(const config::MarathonSdConfig& config,
                                                  const DiscoveryContext& context);

  MarathonSource(config::MarathonSdConfig config, std::unique_ptr<SdClient> client);

  Result<std::vector<config::TargetGroup>> Refresh() override;
  void Cancel() noexcept override { client_->Cancel(); }

 private:
  Result<net::Headers> AuthorizationHeader() const;

  const config::MarathonSdConfig config_;
  const std::unique_ptr<SdClient> client_;
  std::minstd_rand random_;
};

}  // namespace narthex::scrape
