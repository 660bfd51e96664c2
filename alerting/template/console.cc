// SPDX-License-Identifier: Apache-2.0
#include "narthex/alerting/console.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/core.h>

#include "alerting/rules/evaluate.h"
#include "alerting/template/data.h"
#include "alerting/template/exec.h"
#include "alerting/template/html/escape.h"
#include "alerting/template/parser.h"
#include "narthex/base/clock.h"
#include "narthex/base/go_format.h"
#include "narthex/promql/engine.h"

namespace narthex::alerting {
namespace {

// The predefined variables. Errors count columns with this in front, as Prometheus's do.
constexpr std::string_view kPrefix =
    "{{$rawParams := .RawParams }}{{$params := .Params}}{{$path := .Path}}"
    "{{$externalLabels := .ExternalLabels}}";

tmpl::Value ToLists(const std::map<std::string, std::vector<std::string>>& parameters) {
  auto map = std::make_shared<tmpl::MapValue>();
  map->kind = tmpl::MapKind::kLists;
  for (const auto& [name, values] : parameters) {
    auto list = std::make_shared<tmpl::ListValue>();
    list->of_strings = true;
    for (const std::string& value : values) list->items.emplace_back(value);
    map->entries.emplace(name, tmpl::Value::List(std::move(list)));
  }
  return tmpl::Value::Map(std::move(map));
}

tmpl::Value MakeDot(const ConsolePage& page) {
  std::vector<std::pair<std::string, std::string>> first_values;
  for (const auto& [name, values] : page.parameters) {
    if (!values.empty()) first_values.emplace_back(name, values.front());
  }
  const std::size_t begin = std::min(page.path.find_first_not_of('/'), page.path.size());
  auto dot = std::make_shared<tmpl::StructValue>();
  dot->type =
      "struct { RawParams url.Values; Params map[string]string; Path string; ExternalLabels "
      "map[string]string }";
  dot->fields = {{"RawParams", ToLists(page.parameters)},
                 {"Params", tmpl::MakeStringMap(first_values)},
                 {"Path", tmpl::Value(page.path.substr(begin))},
                 {"ExternalLabels", tmpl::ToMap(page.external_labels)}};
  return tmpl::Value::Struct(std::move(dot));
}

/// One run of a page.
class Expansion final {
 public:
  using Ask = std::function<Result<promql::Vector>(const std::string& expr, model::TimestampMs t,
                                                   const promql::QueryOptions& options)>;

  Expansion(const ConsolePage& page, Ask ask, model::DurationMs timeout_ms, Clock& clock)
      : page_(page),
        name_("__console_" + page.path),
        ask_(std::move(ask)),
        clock_(clock),
        deadline_ns_(clock.MonotonicNs() + timeout_ms * kNsPerMs),
        env_(tmpl::EnvironmentAt(page.external_url, clock.NowMs())) {
    env_.query = [this](const std::string& expr) { return Query(expr); };
    env_.go_on = [this] { return GoOn(); };
    env_.run_template = [this](const std::string& name, const tmpl::Value& data) {
      return RunTemplate(name, data);
    };
  }

  Result<std::string> Run() {
    NX_RETURN_IF_ERROR(Parse());
    Result<std::string> text = Execute(name_, MakeDot(page_));
    if (text) return text;
    return Fail(text.error().code(),
                fmt::format("error executing template {}: {}", name_, text.error().message()));
  }

 private:
  static constexpr std::int64_t kNsPerMs = 1'000'000;

  Status Parse() {
    const auto add = [&](std::string_view what, const std::string& name,
                         std::string text) -> Status {
      const Status parsed = tmpl::Parse(name, std::move(text), tmpl::Dialect::kHtml, templates_);
      if (parsed) return {};
      return Fail(parsed.error().code(),
                  fmt::format("error parsing {} {}: {}", what, name_, parsed.error().message()));
    };
    NX_RETURN_IF_ERROR(add("template", name_, std::string(kPrefix) + page_.text));
    for (const ConsolePage::Library& library : page_.libraries) {
      NX_RETURN_IF_ERROR(add("template files for", library.name, library.text));
    }
    return {};
  }

  Result<std::string> Execute(const std::string& name, const tmpl::Value& data) {
    NX_RETURN_IF_ERROR(escaper_.Escape(name));
    return tmpl::Execute(templates_, name, data, env_);
  }

  Status GoOn() const {
    if (page_.stop.stop_requested()) return Fail(Code::kCancelled, "page was canceled");
    if (clock_.MonotonicNs() < deadline_ns_) return {};
    return Fail(Code::kTimeout, "page timed out");
  }

  Result<tmpl::Value> Query(const std::string& expr) {
    promql::QueryOptions options;
    options.stop = page_.stop;
    options.origin = &page_.origin;
    options.timeout_ms = (deadline_ns_ - clock_.MonotonicNs()) / kNsPerMs;
    if (options.timeout_ms <= 0) {
      return Fail(Code::kTimeout, "query timed out in expression evaluation");
    }
    NX_ASSIGN_OR_RETURN(const auto vector, ask_(expr, env_.now_ms, options));
    return tmpl::ToList(vector);
  }

  Result<tmpl::Value> RunTemplate(const std::string& name, const tmpl::Value& data) {
    if (!escaper_.IsWritten(name)) {
      return Fail(Code::kExecution, fmt::format("html/template: {} is undefined", go::Quote(name)));
    }
    NX_ASSIGN_OR_RETURN(std::string text, Execute(name, data));
    return tmpl::Value(tmpl::HtmlValue{std::move(text)});
  }

  const ConsolePage& page_;
  const std::string name_;
  const Ask ask_;  // A query of the page.
  Clock& clock_;
  const std::int64_t deadline_ns_;
  tmpl::TemplateSet templates_;
  tmpl::html::Escaper escaper_{templates_};
  tmpl::Environment env_;
};

}  // namespace

Result<std::string> ExpandConsole(const ConsolePage& page, promql::Engine& engine,
                                  storage::Queryable& queryable, Clock& clock) {
  const auto ask = [&](const std::string& expr, model::TimestampMs t,
                       const promql::QueryOptions& options) {
    return QueryVector(engine, queryable, expr, t, options);
  };
  return Expansion(page, ask, engine.options().timeout_ms, clock).Run();
}

Result<std::string> ExpandConsole(const ConsolePage& page, model::DurationMs timeout_ms,
                                  Clock& clock) {
  const auto ask = [](const std::string&, model::TimestampMs,
                      const promql::QueryOptions&) -> Result<promql::Vector> {
    return Fail(Code::kExecution, "there is nothing here that can be queried");
  };
  return Expansion(page, ask, timeout_ms, clock).Run();
}

}  // namespace narthex::alerting
