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

}  // namespace

AlertText::AlertText(std::string alert_name, std::string text)
    : alert_name_(std::move(alert_name)),
      template_name_("__alert_" + alert_name_),
      text_(std::move(text)) {
  if (text_.find("{{") == std::string::npos) return;
  auto templates = std::make_shared<tmpl::TemplateSet>();
  parsed_ =
      tmpl::Parse(template_name_, std::string(kPrefix) + text_, tmpl::Dialect::kText, *templates);
  if (parsed_) templates_ = std::move(templates);
}

Result<std::string> AlertText::Execute(const TemplateContext& context, const tmpl::Value& dot,
                                       model::TimestampMs t) const {
  if (!parsed_) {
    return Fail(Error(parsed_.error()).Wrap("error parsing template " + template_name_));
  }
  auto result = tmpl::Execute(*templates_, template_name_, dot, MakeEnvironment(context, t));
  if (!result) {
    return Fail(std::move(result).error().Wrap("error executing template " + template_name_));
  }
  return result;
}

std::string AlertText::Expand(const TemplateContext& context, const AlertData& data,
                              model::TimestampMs t) const {
  if (context.expansions != nullptr) context.expansions->Add();
  if (parsed_ && templates_ == nullptr) return text_;
  const tmpl::Value dot = MakeDot(context, data);
  auto result = Execute(context, dot, t);
  if (result) return std::move(*result);
  const std::string& error = result.error().message();
  if (context.failures != nullptr) context.failures->Add();
  log::Warn("Expanding alert template failed",
            {{"alert", alert_name_}, {"err", error}, {"data", tmpl::Sprintf("%+v", {dot})}});
  return fmt::format("<error expanding template: {}>", error);
}

}  // namespace narthex::alerting
