// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/nomad_targets.h"

#include <boost/json.hpp>

#include "scrape/answers/json_body.h"
#include "scrape/answers/naming.h"

namespace narthex::scrape {

namespace {

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

}  // namespace narthex::scrape
