// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/puppetdb_source.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include "scrape/answers/puppetdb_targets.h"
#include "scrape/discovery/url_query.h"

namespace narthex::scrape {

namespace json = boost::json;

Result<std::unique_ptr<Discoverer>> PuppetdbSource::Make(const config::PuppetdbSdConfig& config,
                                                         const DiscoveryContext& context) {
  NX_ASSIGN_OR_RETURN(
      auto client,
      SdClient::Make(config.http, std::chrono::milliseconds(config.refresh_interval_ms)));
  const std::size_t end = std::min(config.url.find_first_of("?#"), config.url.size());
  const std::string url =
      JoinPath(config.url.substr(0, end), "pdb/query/v4") + config.url.substr(end);
  return std::make_unique<RefreshDiscoverer>(
      "puppetdb", config.refresh_interval_ms,
      std::make_unique<PuppetdbSource>(config, url, std::move(client)), context);
}

Result<std::vector<config::TargetGroup>> PuppetdbSource::Refresh() {
  const json::object query = {{"query", config_.query}};
  NX_ASSIGN_OR_RETURN(
      const SdResponse response,
      client_->Post(url_, {{"Accept", "application/json"}, {"Content-Type", "application/json"}},
                    std::string(json::serialize(query))));
  const auto failed = [&](std::string_view why) {
    return Fail(Code::kUnavailable, fmt::format("{}: {}", RedactedUrl(url_), why));
  };
  if (response.status != 200) {
    return failed(fmt::format("server returned HTTP status {}", response.status_text));
  }
  if (!IsJsonContentType(response.content_type)) {
    return failed(fmt::format("unsupported content type {}", response.content_type));
  }
  auto targets = ParsePuppetdbResources(response.body, config_);
  if (!targets) return failed(targets.error().message());
  config::TargetGroup group;
  group.source = fmt::format("{}?query={}", url_, config_.query);
  group.targets = std::move(*targets);
  return std::vector{std::move(group)};
}

}  // namespace narthex::scrape
