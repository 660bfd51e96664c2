// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/expand.h"

#include <utility>
#include <vector>

#include <fmt/core.h>

#include "alerting/template/exec.h"
#include "alerting/template/parser.h"
#include "narthex/model/float_histogram.h"

namespace narthex::alerting {
namespace {

// The predefined variables. Errors count columns with this in front, as Prometheus's do.
constexpr std::string_view kPrefix =
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"
    "{{$externalURL := .ExternalURL}}{{$value := .Value}}";

tmpl::Value ToMap(const model::Labels& labels) {
  auto map = std::make_shared<tmpl::MapValue>();
  for (const auto& [name, value] : labels) {
    map->entries.insert_or_assign(std::string(name), tmpl::Value(std::string(value)));
  }
  return tmpl::Value::Map(std::move(map));
}

tmpl::Value ToValue(const model::FloatHistogram& h) {
  auto value = std::make_shared<tmpl::StructValue>();
  value->type = "*histogram.FloatHistogram";
  value->fields = {{"CounterResetHint", static_cast<std::int64_t>(h.counter_reset_hint)},
                   {"Schema", static_cast<std::int64_t>(h.schema)},
                   {"ZeroThreshold", h.zero_threshold},
                   {"ZeroCount", h.zero_count},
                   {"Count", h.count},
                   {"Sum", h.sum}};
  value->text = model::ToString(h);
  return tmpl::Value::Struct(std::move(value));
}

tmpl::Value MakeDot(const TemplateContext& context, const AlertData& data) {
  auto dot = std::make_shared<tmpl::StructValue>();
  dot->type =
      "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; "
      "Value interface {} }";
  dot->fields = {
      {"Labels", ToMap(data.labels)},
      {"ExternalLabels", ToMap(context.external_labels)},
      {"ExternalURL", tmpl::Value(context.external_url)},
      {"Value", data.histogram != nullptr ? ToValue(*data.histogram) : tmpl::Value(data.value)}};
  return tmpl::Value::Struct(std::move(dot));
}

tmpl::Value ToList(const promql::Vector& vector) {
  auto list = std::make_shared<tmpl::ListValue>();
  for (const promql::VectorSample& sample : vector) {
    auto item = std::make_shared<tmpl::StructValue>();
    item->type = "*template.sample";
    item->fields = {{"Labels", ToMap(sample.metric)},
                    {"Value", sample.h ? ToValue(*sample.h) : tmpl::Value(sample.v)}};
    list->emplace_back(tmpl::Value::Struct(std::move(item)));
  }
  return tmpl::Value::List(std::move(list));
}

/// The path of "http://host/path".
std::string PathOf(const std::string& url) {
  const auto scheme = url.find("://");
  const auto slash = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  return slash == std::string::npos ? "" : url.substr(slash);
}

tmpl::Environment MakeEnvironment(const TemplateContext& context, model::TimestampMs t) {
  tmpl::Environment env;
  env.external_url = context.external_url;
  env.path_prefix = PathOf(context.external_url);
  env.now_ms = t;
  if (context.query) {
    env.query = [&context, t](const std::string& expr) -> Result<tmpl::Value> {
      NX_ASSIGN_OR_RETURN(const auto vector, context.query(expr, t));
      return ToList(vector);
    };
  }
  return env;
}

}  // namespace

std::string ExpandAlertText(const std::string& alert_name, std::string_view text,
                            const TemplateContext& context, const AlertData& data,
                            model::TimestampMs t) {
  if (text.find("{{") == std::string_view::npos) return std::string(text);
  const std::string name = "__alert_" + alert_name;
  const std::string whole = std::string(kPrefix) + std::string(text);
  const auto templates = tmpl::Parse(name, whole);
  if (!templates) {
    return fmt::format("<error expanding template: error parsing template {}: {}>", name,
                       templates.error().message());
  }
  auto result =
      tmpl::Execute(*templates, name, whole, MakeDot(context, data), MakeEnvironment(context, t));
  if (result) return std::move(*result);
  return fmt::format("<error expanding template: error executing template {}: {}>", name,
                     result.error().message());
}

Status CheckAlertText(const std::string& alert_name, std::string_view text) {
  const auto templates =
      tmpl::Parse("__alert_" + alert_name, std::string(kPrefix) + std::string(text));
  if (!templates) return Fail(templates.error());
  return {};
}

}  // namespace narthex::alerting
