// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/builtins.h"
#include "alerting/template/parser.h"
#include "narthex/alerting/template_functions.h"

namespace narthex::alerting::tmpl {
namespace {

const Function* FindIn(std::initializer_list<std::span<const Function>> tables,
                       std::string_view name) {
  for (const auto& functions : tables) {
    for (const Function& function : functions) {
      if (function.name == name) return &function;
    }
  }
  return nullptr;
}

}  // namespace

const Function* FindFunction(std::string_view name) {
  return FindIn({PrometheusFunctions(), Builtins(), ConsoleFunctions(), HtmlEscapers()}, name);
}

bool IsFunction(std::string_view name, Dialect dialect) {
  return FindIn({PrometheusFunctions(), Builtins()}, name) != nullptr ||
         (dialect == Dialect::kHtml && FindIn({ConsoleFunctions()}, name) != nullptr);
}

}  // namespace narthex::alerting::tmpl

namespace narthex::alerting {

std::vector<std::string_view> TemplateFunctionNames() {
  std::vector<std::string_view> names;
  for (const tmpl::Function& function : tmpl::PrometheusFunctions()) names.push_back(function.name);
  return names;
}

}  // namespace narthex::alerting
