// SPDX-License-Identifier: Apache-2.0
//
// kuma_sd_configs: the Monitoring Assignment Discovery Service, version 1, asked by long polling in
// the manner of Envoy's xDS over REST.
// Source: Prometheus discovery/xds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "narthex/base/metrics.h"
#include "narthex/config/kuma_sd.h"
#include "scrape/discovery/discovery_context.h"
#include "scrape/discovery/refresh_discoverer.h"
#include "scrape/discovery/sd_client.h"

namespace narthex::scrape {

class KumaSource final : public RefreshSource {
 public:
  static Result<std::unique_ptr<Discoverer>> Make(const config::KumaSdConfig& config,
                                                  const DiscoveryContext& context);
  static void AddMetrics(metrics::Registry& registry);

  KumaSource(config::KumaSdConfig config, std::unique_ptr<SdClient> client, Clock& clock,
             metrics::Registry& registry);

  Result<std::vector<config::TargetGroup>> Refresh() override;
  bool unchanged() const override { return unchanged_; }
  void Forget() noexcept override {
    version_.clear();
    nonce_.clear();
  }
  void Cancel() noexcept override { client_->Cancel(); }

 private:
  Result<std::vector<config::TargetGroup>> Ask();
  std::string RequestBody() const;

  const config::KumaSdConfig config_;
  const std::string url_;
  const std::string client_id_;
  const std::unique_ptr<SdClient> client_;
  Clock& clock_;
  metrics::Counter& failures_;
  metrics::Counter& skipped_;
  metrics::Summary& duration_;
  std::string version_, nonce_;  // Of the newest answer.
  bool unchanged_ = false;
};

}  // namespace narthex::scrape
