// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/eureka_source.h"

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "scrape/answers/eureka_targets.h"

namespace narthex::scrape {

Result<std::unique_ptr<Discoverer>> EurekaSource::Make(const config::EurekaSdConfig& config,
                                                       const DiscoveryContext& context) {
  NX_ASSIGN_OR_RETURN(
      auto client,
      SdClient::Make(config.http, std::chrono::milliseconds(config.refresh_interval_ms)));
  return std::make_unique<RefreshDiscoverer>(
      "eureka", config.refresh_interval_ms,
      std::make_unique<EurekaSource>(config, std::move(client)), context);
}

Result<std::vector<config::TargetGroup>> EurekaSource::Refresh() {
  const std::string url = config_.server + "/apps";
  NX_ASSIGN_OR_RETURN(const SdResponse response, client_->Get(url));
  if (response.status / 100 != 2) {
    return Fail(Code::kUnavailable,
                fmt::format("{}: non 2xx status '{}' response during eureka service discovery",
                            RedactedUrl(url), response.status));
  }
  auto targets = ParseEurekaApps(response.body);
  if (!targets) return Fail(std::move(targets).error().Wrap(go::Quote(RedactedUrl(url))));
  config::TargetGroup group;
  group.source = "eureka";
  group.targets = std::move(*targets);
  return std::vector{std::move(group)};
}

}  // namespace narthex::scrape
