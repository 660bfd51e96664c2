// SPDX-License-Identifier: Apache-2.0
//
// Runs a parsed template. Source: Go's text/template, whose errors these are, with the functions
// of Prometheus's template package.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/template/ast.h"
#include "narthex/base/result.h"

namespace narthex::alerting::tmpl {

inline constexpr int kMaxTemplateCalls = 200;

/// What an execution, with those that it starts itself, may use up.
struct Effort {
  int calls = 0;    // Of templates by templates, within each other.
  int nesting = 0;  // Of blocks and parentheses, also across calls: each takes room on the stack.
  std::int64_t iterations = 0;
};

/// What functions need from outside.
struct Environment {
  /// Evaluates an expression at the template's time, giving a list of samples.
  std::function<Result<Value>(const std::string&)> query;
  /// Executes the template of a name with data, giving HTML; of console pages only.
  std::function<Result<Value>(const std::string&, const Value&)> run_template;
  std::string external_url;  // Without a trailing slash.
  std::string path_prefix;
  std::int64_t now_ms = 0;
  /// Why to end: the client is gone, or it took too long. Asked at each turn of a range and before
  /// each call of a template or function; none = never.
  std::function<Status()> go_on;
  std::shared_ptr<Effort> effort = std::make_shared<Effort>();
};

/// A function's parameters, one letter each: a = any, s = string, i = int, l = list of samples,
/// p = sample, d = duration, t = time. The last one repeats when `variadic`.
struct Function {
  std::string_view name;
  std::string_view params;
  bool variadic = false;
  bool builtin = false;  // Its last parameter before `variadic` ones counts for "at least".
  Result<Value> (*call)(const Environment&, const std::vector<Value>&) = nullptr;
};

/// Null when there is none. Thread safety: any thread.
const Function* FindFunction(std::string_view name);

/// Executes the template `name` of the set with `dot` as its data.
/// Errors: kExecution "template: NAME:LINE:COL: executing "NAME" at <…>: reason".
Result<std::string> Execute(const TemplateSet& templates, const std::string& name, const Value& dot,
                            const Environment& env);

}  // namespace narthex::alerting::tmpl
