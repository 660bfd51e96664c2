// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/marathon_source.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "scrape/discovery/json_body.h"
#include "scrape/discovery/naming.h"

namespace narthex::scrape {

namespace {

using LabelPairs = std::vector<std::pair<std::string_view, std::string_view>>;

/// What an application says of its ports; 0 = the task knows.
struct Ports {
  std::vector<std::int64_t> numbers;
  std::vector<LabelPairs> labels;  // Of each port; empty when there are none at all.
  std::string prefix;              // Of the labels' names.
};

/// Its first network is one of containers.
bool InContainerNetwork(const JsonObject& app) {
  const auto networks = app.Objects("networks");
  return !networks.empty() && networks[0].String("mode") == "container";
}

Ports PortsOf(const JsonObject& app, bool in_container_network) {
  const JsonObject container = app.Object("container");
  std::vector<JsonObject> mappings = container.Objects("portMappings");
  if (mappings.empty()) mappings = container.Object("docker").Objects("portMappings");
  Ports ports;
  if (!mappings.empty()) {
    ports.prefix = "__meta_marathon_port_mapping_label_";
    for (const JsonObject& mapping : mappings) {
      ports.numbers.push_back(mapping.Int(in_container_network ? "containerPort" : "hostPort"));
      ports.labels.push_back(mapping.StringMap("labels"));
    }
    return ports;
  }
  ports.prefix = "__meta_marathon_port_definition_label_";
  const bool required = app.Bool("requirePorts");
  for (const JsonObject& definition : app.Objects("portDefinitions")) {
    // Otherwise the number is that of the service, not where the task listens.
    ports.numbers.push_back(required ? definition.Int("port") : 0);
    ports.labels.push_back(definition.StringMap("labels"));
  }
  return ports;
}

std::string HostOf(const JsonObject& task, bool in_container_network) {
  if (in_container_network) {
    const auto addresses = task.Objects("ipAddresses");
    if (!addresses.empty()) return std::string(addresses[0].String("ipAddress"));
  }
  return std::string(task.String("host"));
}

std::vector<model::Labels> TargetsOf(const JsonObject& app, TargetBudget& budget) {
  const bool in_container_network = InContainerNetwork(app);
  Ports ports = PortsOf(app, in_container_network);
  std::vector<model::Labels> targets;
  for (const JsonObject& task : app.Objects("tasks")) {
    const std::vector<std::int64_t> own_ports = task.Ints("ports");
    // Without any of its own the application has those of its first task that has some.
    if (ports.numbers.empty()) ports.numbers = own_ports;
    const std::string host = HostOf(task, in_container_network);
    for (std::size_t i = 0; i < ports.numbers.size(); ++i) {
      budget.TakeTargets(1);
      if (budget.exhausted()) return targets;
      std::int64_t port = ports.numbers[i];
      if (port == 0 && own_ports.size() == ports.numbers.size()) port = own_ports[i];
      LabelList labels(budget);
      labels.Add("__address__", JoinHostPort(host, port));
      labels.Add("__meta_marathon_task", task.String("id"));
      labels.Add("__meta_marathon_port_index", std::to_string(i));
      if (i < ports.labels.size()) {
        for (const auto& [name, value] : ports.labels[i]) {
          labels.AddSanitized(ports.prefix, name, value);
        }
      }
      targets.push_back(labels.Build());
    }
  }
  return targets;
}

config::TargetGroup GroupOf(const JsonObject& app, TargetBudget& budget) {
  config::TargetGroup group;
  group.source = app.String("id");
  group.targets = TargetsOf(app, budget);
  LabelList labels(budget);
  labels.Add("__meta_marathon_app", group.source);
  labels.Add("__meta_marathon_image", app.Object("container").Object("docker").String("image"));
  for (const auto& [name, value] : app.StringMap("labels")) {
    labels.AddSanitized("__meta_marathon_app_label_", name, value);
  }
  group.labels = labels.Build();
  return group;
}

}  // namespace

Result<std::vector<config::TargetGroup>> ParseMarathonApps(std::string_view body,
                                                           const TargetLimits& limits) {
  std::vector<config::TargetGroup> groups;
  NX_RETURN_IF_ERROR(WithJson(body, [&](const boost::json::value& root) {
    JsonObject::Errors errors;
    TargetBudget budget(limits);
    for (const JsonObject& app : JsonObject(&root, "list of apps", errors).Objects("apps")) {
      groups.push_back(GroupOf(app, budget));
      if (budget.exhausted()) return budget.status();
    }
    return CheckJson(errors);
  }));
  return groups;
}

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
