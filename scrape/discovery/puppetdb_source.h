// SPDX-License-Identifier: Apache-2.0
//
// puppetdb_sd_configs: the resources that a query finds.
// Source: Prometheus discovery/puppetdb.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "narthex/base/metrics.h"
#include "narthex/config/puppetdb_sd.h"
#include "scrape/discovery/discovery_context.h"
#include "scrape/discovery/refresh_discoverer.h"
#include "scrape/discovery/sd_client.h"

namespace narthex::scrape {

class PuppetdbSource final : public RefreshSource {
 public:
  static Result<std::unique_ptr<Discoverer>> Make(const config::PuppetdbSdConfig& config,
                                                  const DiscoveryContext& context);

  PuppetdbSource(config::PuppetdbSdConfig config, std::string url, std::unique_ptr<SdClient> client)
      : config_(std::move(config)), url_(std::move(url)), client_(std::move(client)) {}

  Result<std::vector<config::TargetGroup>> Refresh() override;
  void Cancel() noexcept override { client_->Cancel(); }

 private:
  const config::PuppetdbSdConfig config_;
  const std::string url_;  // Of the query API.
  const std::unique_ptr<SdClient> client_;
};

}  // namespace narthex::scrape
