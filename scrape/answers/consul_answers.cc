// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/consul_answers.h"

#include <boost/json.hpp>

#include "scrape/answers/json_body.h"
#include "scrape/answers/naming.h"

namespace narthex::scrape {

namespace {

namespace json = boost::json;

/// The worst of the checks' states; "" when one of them is unknown.
std::string_view AggregatedStatus(const std::vector<JsonObject>& checks) {
  bool maintenance = false;
  bool critical = false;
  bool warning = false;
  for (const JsonObject& check : checks) {
    const std::string_view id = check.String("CheckID");
    const std::string_view status = check.String("Status");
    if (id == "_node_maintenance" || id.starts_with("_service_maintenance:")) {
      maintenance = true;
    } else if (status == "critical") {
      critical = true;
    } else if (status == "warning") {
      warning = true;
    } else if (status != "passing") {
      return "";
    }
  }
  return maintenance ? "maintenance" : critical ? "critical" : warning ? "warning" : "passing";
}

model::Labels InstanceLabels(const JsonObject& instance, const std::string& tag_separator,
                             TargetBudget& budget) {
  const JsonObject node = instance.Object("Node");
  const JsonObject service = instance.Object("Service");
  const std::string_view node_address = node.String("Address");
  const std::string_view own_address = service.String("Address");
  const std::int64_t port = service.Int("Port");
  LabelList labels(budget);
  labels.Add("__address__", JoinHostPort(own_address.empty() ? node_address : own_address, port));
  labels.Add("__meta_consul_address", node_address);
  labels.Add("__meta_consul_node", node.String("Node"));
  labels.Add("__meta_consul_namespace", service.String("Namespace"));
  labels.Add("__meta_consul_partition", service.String("Partition"));
  labels.Add("__meta_consul_tags", EnclosedList(service.Strings("Tags"), tag_separator));
  labels.Add("__meta_consul_service_address", own_address);
  labels.Add("__meta_consul_service_port", std::to_string(port));
  labels.Add("__meta_consul_service_id", service.String("ID"));
  labels.Add("__meta_consul_health", AggregatedStatus(instance.Objects("Checks")));
  const auto add_map = [&labels](const JsonObject& owner, std::string_view key,
                                 std::string_view prefix) {
    for (const auto& [name, value] : owner.StringMap(key)) {
      labels.AddSanitized(prefix, name, value);
    }
  };
  add_map(node, "Meta", "__meta_consul_metadata_");
  add_map(service, "Meta", "__meta_consul_service_metadata_");
  add_map(node, "TaggedAddresses", "__meta_consul_tagged_address_");
  return labels.Build();
}

}  // namespace

Result<std::string> ParseConsulDatacenter(std::string_view body) {
  std::string datacenter;
  NX_RETURN_IF_ERROR(WithJson(body, [&](const json::value& root) {
    JsonObject::Errors errors;
    datacenter = JsonObject(&root, "agent", errors).Object("Config").String("Datacenter");
    return CheckJson(errors);
  }));
  if (datacenter.empty()) {
    return Fail(Code::kInvalidArgument, "invalid value '' for Config.Datacenter");
  }
  return datacenter;
}

Result<std::map<std::string, std::vector<std::string>>> ParseConsulServices(std::string_view body) {
  std::map<std::string, std::vector<std::string>> services;
  NX_RETURN_IF_ERROR(WithJson(body, [&](const json::value& root) {
    JsonObject::Errors errors;
    const JsonObject object(&root, "catalog", errors);
    if (const json::object* members = root.if_object()) {
      for (const auto& [name, tags] : *members) {
        auto& list = services[std::string(name)];
        for (const std::string_view tag : object.Strings({name.data(), name.size()})) {
          list.emplace_back(tag);
        }
      }
    }
    return CheckJson(errors);
  }));
  return services;
}

Result<config::TargetGroup> ParseConsulHealth(std::string_view body, const std::string& service,
                                              const std::string& datacenter,
                                              const std::string& tag_separator,
                                              const TargetLimits& limits) {
  config::TargetGroup group;
  group.source = service;
  group.labels = {{"__meta_consul_service", service}, {"__meta_consul_dc", datacenter}};
  NX_RETURN_IF_ERROR(WithJson(body, [&](const json::value& root) {
    JsonObject::Errors errors;
    TargetBudget budget(limits);
    for (const JsonObject& instance : JsonObject::List(root, "service instance", errors)) {
      budget.TakeTargets(1);
      group.targets.push_back(InstanceLabels(instance, tag_separator, budget));
      if (budget.exhausted()) return budget.status();
    }
    return CheckJson(errors);
  }));
  return group;
}

}  // namespace narthex::scrape
