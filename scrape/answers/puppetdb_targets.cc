// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/puppetdb_targets.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "scrape/answers/json_body.h"
#include "scrape/answers/naming.h"

namespace narthex::scrape {

namespace {

namespace json = boost::json;

/// The text of a parameter that is one value; "" for what has none.
std::string ScalarText(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  // Numbers are floats there, whatever they look like.
  if (value.is_number()) return go::FormatFloatG(value.to_number<double>());
  return "";
}

void AddParameters(const json::object& parameters, const std::string& prefix, LabelList& labels) {
  for (const auto& [key, value] : parameters) {
    const std::string name = prefix + SanitizeLabelName({key.data(), key.size()});
    // Each parameter within a long name has that in its own, with a value or not.
    if (!labels.Charge(name.size())) return;
    if (const json::object* inner = value.if_object()) {
      AddParameters(*inner, name + "_", labels);
    } else if (const json::array* list = value.if_array()) {
      std::vector<std::string> texts;
      for (const json::value& item : *list) texts.push_back(ScalarText(item));
      if (const auto joined = fmt::format("{}", fmt::join(texts, ",")); !joined.empty()) {
        labels.Add(name, joined);
      }
    } else if (const std::string text = ScalarText(value); !text.empty()) {
      labels.Add(name, text);
    }
  }
}

model::Labels ResourceLabels(const JsonObject& resource, const config::PuppetdbSdConfig& config,
                             TargetBudget& budget) {
  LabelList labels(budget);
  const std::string kPrefix = "__meta_puppetdb_";
  labels.Add("__address__", JoinHostPort(resource.String("certname"), config.port));
  labels.Add(kPrefix + "query", config.query);
  for (const char* name : {"certname", "resource", "type", "title", "file", "environment"}) {
    labels.Add(kPrefix + name, resource.String(name));
  }
  labels.Add(kPrefix + "exported", resource.Bool("exported") ? "true" : "false");
  const auto tags = resource.Strings("tags");
  if (!tags.empty()) labels.Add(kPrefix + "tags", EnclosedList(tags, ","));
  const json::object* parameters = resource.Object("parameters").object();
  // They may have secrets, so they are shown on request only.
  if (config.include_parameters && parameters != nullptr) {
    AddParameters(*parameters, kPrefix + "parameter_", labels);
  }
  return labels.Build();
}

}  // namespace

Result<std::vector<model::Labels>> ParsePuppetdbResources(std::string_view body,
                                                          const config::PuppetdbSdConfig& config,
                                                          const TargetLimits& limits) {
  std::vector<model::Labels> targets;
  NX_RETURN_IF_ERROR(WithJson(body, [&](const json::value& root) {
    JsonObject::Errors errors;
    TargetBudget budget(limits);
    for (const JsonObject& resource : JsonObject::List(root, "resource", errors)) {
      budget.TakeTargets(1);
      targets.push_back(ResourceLabels(resource, config, budget));
      if (budget.exhausted()) return budget.status();
    }
    return CheckJson(errors);
  }));
  return targets;
}

}  // namespace narthex::scrape
