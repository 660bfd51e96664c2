// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/nomad_source.h"

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "scrape/answers/nomad_targets.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/url_query.h"

namespace narthex::scrape {

namespace {

constexpr std::size_t kShownBodyBytes = 200;

metrics::Counter& Failures(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_nomad_failures_total",
                             "Number of nomad service discovery refresh failures.");
}

}  // namespace

Result<std::unique_ptr<Discoverer>> NomadSource::Make(const config::NomadSdConfig& config,
                                                      const DiscoveryContext& context) {
  NX_ASSIGN_OR_RETURN(
      auto client,
      SdClient::Make(config.http, std::chrono::milliseconds(config.refresh_interval_ms)));
  return std::make_unique<RefreshDiscoverer>(
      "nomad", config.refresh_interval_ms,
      std::make_unique<NomadSource>(config, std::move(client), context.registry), context);
}

void NomadSource::AddMetrics(metrics::Registry& registry) { Failures(registry); }

NomadSource::NomadSource(config::NomadSdConfig config, std::unique_ptr<SdClient> client,
                         metrics::Registry& registry)
    : config_(std::move(config)), client_(std::move(client)), failures_(Failures(registry)) {}

Result<std::vector<config::TargetGroup>> NomadSource::Refresh() {
  auto groups = Ask();
  if (!groups && groups.error().code() != Code::kCancelled) failures_.Add();
  return groups;
}

Result<std::string> NomadSource::Get(const std::string& path) {
  QueryParams params;
  if (config_.allow_stale) params.emplace_back("stale", "");
  if (!config_.name_space.empty()) params.emplace_back("namespace", config_.name_space);
  if (!config_.region.empty()) params.emplace_back("region", config_.region);
  const std::string query = EncodeQuery(std::move(params));
  // Of the server's address only scheme and host count, as for Nomad's own client.
  const std::size_t host = config_.server.find("://");
  const std::size_t end = host == std::string::npos ? host : config_.server.find('/', host + 3);
  const std::string url = config_.server.substr(0, end) + path + (query.empty() ? "" : "?" + query);
  NX_ASSIGN_OR_RETURN(SdResponse response, client_->Get(url));
  if (response.status != 200) {
    return Fail(Code::kUnavailable,
                fmt::format("{}: Unexpected response code: {} ({})", RedactedUrl(url),
                            response.status, response.body.substr(0, kShownBodyBytes)));
  }
  return std::move(response.body);
}

Result<std::vector<config::TargetGroup>> NomadSource::Ask() {
  NX_ASSIGN_OR_RETURN(const std::string list, Get("/v1/services"));
  const auto names = ParseNomadServices(list);
  if (!names) return Fail(Error(names.error()).Wrap(RedactedUrl(config_.server)));
  TargetBudget budget;  // Of all services together.
  config::TargetGroup group;
  group.source = "Nomad";
  for (const std::string& name : *names) {
    auto body = Get("/v1/service/" + EscapeSegment(name));
    if (!body) return Fail(std::move(body).error().Wrap("failed to fetch services"));
    auto targets = ParseNomadInstances(*body, config_.tag_separator, budget);
    if (!targets) {
      return Fail(std::move(targets)
                      .error()
                      .Wrap(fmt::format("service {}", go::Quote(name)))
                      .Wrap("failed to fetch services"));
    }
    group.targets.insert(group.targets.end(), std::make_move_iterator(targets->begin()),
                         std::make_move_iterator(targets->end()));
  }
  return std::vector{std::move(group)};
}

}  // namespace narthex::scrape
