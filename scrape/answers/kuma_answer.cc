// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/kuma_answer.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include "scrape/answers/json_body.h"

namespace narthex::scrape {

namespace {

namespace json = boost::json;

/// In JSON a field of protobuf goes by either of two names.
std::string_view Either(const JsonObject& object, std::string_view name, std::string_view other) {
  return object.Has(name) ? object.String(name) : object.String(other);
}

void ReadAssignment(const JsonObject& assignment, std::vector<model::Labels>& targets,
                    TargetBudget& budget) {
  constexpr std::string_view kPrefix = "__meta_kuma_label_";
  const auto labels_of_all = assignment.StringMap("labels");
  for (const JsonObject& target : assignment.Objects("targets")) {
    budget.TakeTargets(1);
    if (budget.exhausted()) return;
    LabelList labels(budget);
    for (const auto& [name, value] : target.StringMap("labels")) {
      labels.AddSanitized(kPrefix, name, value);
    }
    // These win.
    for (const auto& [name, value] : labels_of_all) labels.AddSanitized(kPrefix, name, value);
    labels.Add("__meta_kuma_mesh", assignment.String("mesh"));
    labels.Add("__meta_kuma_service", assignment.String("service"));
    labels.Add("__meta_kuma_dataplane", target.String("name"));
    labels.Add("__address__", target.String("address"));
    labels.Add("instance", target.String("name"));
    labels.Add("__scheme__", target.String("scheme"));
    labels.Add("__metrics_path__", Either(target, "metricsPath", "metrics_path"));
    targets.push_back(labels.Build());
  }
}

Status ReadAnswer(const json::value& root, const TargetLimits& limits, KumaAnswer& answer) {
  JsonObject::Errors errors;
  const JsonObject response(&root, "discovery response", errors);
  answer.version = Either(response, "versionInfo", "version_info");
  answer.nonce = response.String("nonce");
  const std::string_view type = Either(response, "typeUrl", "type_url");
  NX_RETURN_IF_ERROR(CheckJson(errors));
  if (type != kKumaType) {
    return Fail(Code::kInvalidArgument,
                fmt::format("received invalid typeURL for Kuma MADS v1 Resource: {}", type));
  }
  TargetBudget budget(limits);
  for (const JsonObject& resource : response.Objects("resources")) {
    if (const std::string_view own = resource.String("@type"); own != kKumaType) {
      return Fail(Code::kInvalidArgument, fmt::format("unknown type of a resource: {}", own));
    }
    ReadAssignment(resource, answer.targets, budget);
    NX_RETURN_IF_ERROR(budget.status());
  }
  return CheckJson(errors);
}

}  // namespace

Result<KumaAnswer> ParseKumaAnswer(std::string_view body, const TargetLimits& limits) {
  KumaAnswer answer;
  NX_RETURN_IF_ERROR(
      WithJson(body, [&](const json::value& root) { return ReadAnswer(root, limits, answer); }));
  return answer;
}

}  // namespace narthex::scrape
