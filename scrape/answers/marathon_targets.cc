// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/marathon_targets.h"

#include <boost/json.hpp>

#include "scrape/answers/json_body.h"
#include "scrape/answers/naming.h"

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

}  // namespace narthex::scrape
