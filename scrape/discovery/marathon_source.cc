// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/marathon_source.h"

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "scrape/answers/marathon_targets.h"

namespace narthex::scrape {

Result<std::unique_ptr<Discoverer>> MarathonSource::Make(const config::MarathonSdConfig& config,
                                                         const DiscoveryContext& context) {
  NX_ASSIGN_OR_RETURN(
      auto client,
      SdClient::Make(config.http, std::chrono::milliseconds(config.refresh_interval_ms)));
  auto source = std::make_unique<MarathonSource>(config, std::move(client));
  // A file that can't be read is told at once, not by each refresh only.
  NX_RETURN_IF_ERROR(source->AuthorizationHeader());
  return std::make_unique<RefreshDiscoverer>("marathon", config.refresh_interval_ms,
                                             std::move(source), context);
}

MarathonSource::MarathonSource(config::MarathonSdConfig config, std::unique_ptr<SdClient> client)
    : config_(std::move(config)), client_(std::move(client)), random_(std::random_device()()) {}

Result<net::Headers> MarathonSource::AuthorizationHeader() const {
  std::string token = config_.auth_token;
  if (!config_.auth_token_file.empty()) {
    auto text = SystemFs().ReadFile(config_.auth_token_file);
    if (!text) {
      return Fail(std::move(text).error().Wrap(
          fmt::format("unable to read auth token file {}", config_.auth_token_file)));
    }
    const std::size_t from = text->find_first_not_of(" \t\r\n");
    if (from != std::string::npos) {
      token = text->substr(from, text->find_last_not_of(" \t\r\n") - from + 1);
    }
  } else if (token.empty()) {
    return net::Headers();
  }
  return net::Headers{{"Authorization", "token=" + token}};
}

Result<std::vector<config::TargetGroup>> MarathonSource::Refresh() {
  NX_ASSIGN_OR_RETURN(net::Headers headers, AuthorizationHeader());
  const std::string url =
      config_.servers[random_() % config_.servers.size()] + "/v2/apps/?embed=apps.tasks";
  NX_ASSIGN_OR_RETURN(const SdResponse response, client_->Get(url, std::move(headers)));
  if (response.status / 100 != 2) {
    return Fail(Code::kUnavailable,
                fmt::format("{}: non 2xx status '{}' response during marathon service discovery",
                            RedactedUrl(url), response.status));
  }
  auto groups = ParseMarathonApps(response.body);
  if (!groups) return Fail(std::move(groups).error().Wrap(go::Quote(RedactedUrl(url))));
  return groups;
}

}  // namespace narthex::scrape
