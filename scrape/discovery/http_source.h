// SPDX-License-Identifier: Apache-2.0
//
// http_sd_configs: a list of target groups, asked for now and then.
// Source: Prometheus discovery/http.
#pragma once

#include <memory>

#include "narthex/base/metrics.h"
#include "narthex/config/http_sd.h"
#include "scrape/discovery/discovery_context.h"
#include "scrape/discovery/refresh_discoverer.h"
#include "scrape/discovery/sd_client.h"

namespace narthex::scrape {

class HttpSource final : public RefreshSource {
 public:
  static Result<std::unique_ptr<Discoverer>> Make(const config::HttpSdConfig& config,
                                                  const DiscoveryContext& context);
  static void AddMetrics(metrics::Registry& registry);

  HttpSource(config::HttpSdConfig config, std::unique_ptr<SdClient> client,
             metrics::Registry& registry);

  Result<std::vector<config::TargetGroup>> Refresh() override;
  void Cancel() noexcept override { client_->Cancel(); }

 private:
  Result<std::vector<config::TargetGroup>> Ask();

  const config::HttpSdConfig config_;
  const std::unique_ptr<SdClient> client_;
  metrics::Counter& failures_;
};

}  // namespace narthex::scrape
