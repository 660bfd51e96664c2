// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/expand.h"

#include <utility>
#include <vector>

#include <fmt/core.h>

#include "alerting/template/data.h"
#include "alerting/template/exec.h"
#include "alerting/template/parser.h"
#include "narthex/base/log.h"
#include "narthex/base/metrics.h"

namespace narthex::alerting {
namespace {

// The predefined variables. Errors count columns with this in front, as Prometheus's do.
constexpr std::string_view kPrefix =
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"
    "{{$externalURL := .ExternalURL}}{{$value := .Value}}";

tmpl::Value MakeDot(const TemplateContext& context, const AlertData& data) {
  auto dot = std::make_shared<tmpl::StructValue>();
  dot->type =
      "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; "
      "Value interface {} }";
  dot->fields = {{"Labels", tmpl::ToMap(data.labels)},
                 {"ExternalLabels", tmpl::ToMap(context.external_labels)},
                 {"ExternalURL", tmpl::Value(context.external_url)},
                 {"Value", data.histogram != nullptr ? tmpl::ToValue(*data.histogram)
                                                     : tmpl::Value(data.value)}};
  return tmpl::Value::Struct(std::move(dot));
}

tmpl::Environment MakeEnvironment(const TemplateContext& context, model::TimestampMs t) {
  tmpl::Environment env = tmpl::EnvironmentAt(context.external_url, t);
  if (context.query) {
    env.query = [&context, t](const std::string& expr) -> Result<tmpl::Value> {
      NX_ASSIGN_OR_RETURN(const auto vector, context.query(expr, t));
      return tmpl::ToList(vector);
    };
  }
  return env;
}

Status ParseAlertText(const std::string& name, std::string_view text,
                      tmpl::TemplateSet& templates) {
  return tmpl::Parse(name, std::string(kPrefix) + std::string(text), tmpl::Dialect::kText,
                     templates);
}

Result<std::string> ParseAndExecute(const std::string& name, std::string_view text,
                                    const tmpl::Value& dot, const tmpl::Environment& env) {
  tmpl::TemplateSet templates;
  if (auto parsed = ParseAlertText(name, text, templates); !parsed) {
    return Fail(std::move(parsed).error().Wrap("error parsing template " + name));
  }
  auto result = tmpl::Execute(templates, name, dot, env);
  if (!result) return Fail(std::move(result).error().Wrap("error executing template " + name));
  return result;
}

}  // namespace

std::string ExpandAlertText(const std::string& alert_name, std::string_view text,
                            const TemplateContext& context, const AlertData& data,
                            model::TimestampMs t) {
  if (context.expansions != nullptr) context.expansions->Add();
  if (text.find("{{") == std::string_view::npos) return std::string(text);
  const tmpl::Value dot = MakeDot(context, data);
  auto result = ParseAndExecute("__alert_" + alert_name, text, dot, MakeEnvironment(context, t));
  if (result) return std::move(*result);
  const std::string& error = result.error().message();
  if (context.failures != nullptr) context.failures->Add();
  log::Warn("Expanding alert template failed",
            {{"alert", alert_name}, {"err", error}, {"data", tmpl::Sprintf("%+v", {dot})}});
  return fmt::format("<error expanding template: {}>", error);
}

Status CheckAlertText(const std::string& alert_name, std::string_view text) {
  tmpl::TemplateSet templates;
  return ParseAlertText("__alert_" + alert_name, text, templates);
}

}  // namespace narthex::alerting
