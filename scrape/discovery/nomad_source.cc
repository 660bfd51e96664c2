// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/nomad_source.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "scrape/discovery/json_body.h"
#include "scrape/discovery/naming.h"
#include "scrape/discovery/url_query.h"

namespace narthex::scrape {

namespace {

constexpr std::size_t kShownBodyBytes = 200;

metrics::Counter& Failures(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_nomad_failures_total",
                             "Number of nomad service discovery refresh failures.");
}

model::Labels InstanceLabels(const JsonObject& instance, const std::string& tag_separator,
                             TargetBudget& budget) {
  const std::string_view address = instance.String("Address");
  const std::int64_t port = instance.Int("Port");
  LabelList labels(budget);
  labels.Add("__address__", JoinHostPort(address, port));
  labels.Add("__meta_nomad_address", address);
  labels.Add("__meta_nomad_dc", instance.String("Datacenter"));
  labels.Add("__meta_nomad_node_id", instance.String("NodeID"));
  labels.Add("__meta_nomad_namespace", instance.String("Namespace"));
  labels.Add("__meta_nomad_service_address", address);
  labels.Add("__meta_nomad_service_id", instance.String("ID"));
  labels.Add("__meta_nomad_service_port", std::to_string(port));
  labels.Add("__meta_nomad_service", instance.String("ServiceName"));
  const auto tags = instance.Strings("Tags");
  if (!tags.empty()) labels.Add("__meta_nomad_tags", EnclosedList(tags, tag_separator));
  return labels.Build();
}

}  // namespace

Result<std::vector<std::string>> ParseNomadServices(std::string_view body) {
  std::vector<std::string> names;
  NX_RETURN_IF_ERROR(WithJson(body, [&](const boost::json::value& root) {
    JsonObject::Errors errors;
    for (const JsonObject& stub : JsonObject::List(root, "namespace", errors)) {
      for (const JsonObject& service : stub.Objects("Services")) {
        names.emplace_back(service.String("ServiceName"));
      }
    }
    return CheckJson(errors);
  }));
  return names;
}

Result<std::vector<model::Labels>> ParseNomadInstances(std::string_view body,
                                                       const std::string& tag_separator,
                                                       TargetBudget& budget) {
  std::vector<model::Labels> targets;
  NX_RETURN_IF_ERROR(WithJson(body, [&](const boost::json::value& root) {
    JsonObject::Errors errors;
    for (const JsonObject& instance : JsonObject::List(root, "service instance", errors)) {
      budget.TakeTargets(1);
      targets.push_back(InstanceLabels(instance, tag_separator, budget));
      if (budget.exhausted()) return budget.status();
    }
    return CheckJson(errors);
  }));
  return targets;
}

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
