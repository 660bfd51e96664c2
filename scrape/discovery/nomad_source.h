// SPDX-License-Identifier: Apache-2.0
//
// nomad_sd_configs: the instances of all services of a region's namespace.
// Source: Prometheus discovery/nomad.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "narthex/base/metrics.h"
#include "narthex/config/nomad_sd.h"
#include "scrape/discovery/discovery_context.h"
#include "scrape/discovery/refresh_discoverer.h"
#include "scrape/discovery/sd_client.h"

namespace narthex::scrape {

class NomadSource final : public RefreshSource {
 public:
  static Result<std::unique_ptr<Discoverer>> Make(const config::NomadSdConfig& config,
                                                  const DiscoveryContext& context);
  static void AddMetrics(metrics::Registry& registry);

  NomadSource(config::NomadSdConfig config, std::unique_ptr<SdClient> client,
              metrics::Registry& registry);

  Result<std::vector<config::TargetGroup>> Refresh() override;
  void Cancel() noexcept override { client_->Cancel(); }

 private:
  Result<std::vector<config::TargetGroup>> Ask();
  /// The body of an answer with status 200.
  Result<std::string> Get(const std::string& path);

  const config::NomadSdConfig config_;
  const std::unique_ptr<SdClient> client_;
  metrics::Counter& failures_;
};

}  // namespace narthex::scrape
