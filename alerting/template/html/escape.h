// SPDX-License-Identifier: Apache-2.0
//
// Puts what escapes its output at the end of each pipeline of a template, by the place in the HTML
// where the output goes: text, attribute, address, JavaScript, CSS. Source: Go's html/template.
#pragma once

#include <map>
#include <string>

#include "alerting/template/ast.h"
#include "alerting/template/html/context.h"
#include "narthex/base/result.h"

namespace narthex::alerting::tmpl::html {

/// Thread safety: one thread at a time.
class Escaper final {
 public:
  /// @param set  not owned; its templates are changed, and those that are called in other places
  ///             than text get copies: "NAME$htmltemplate_stateJS"
  explicit Escaper(TemplateSet& set) : set_(set) {}

  /// Makes a template, and all that it calls, fit to be executed between tags. Does nothing when
  /// that was done. Errors: kExecution "html/template:NAME:LINE:COLUMN: reason".
  Status Escape(const std::string& name);

 private:
  TemplateSet& set_;
  std::map<std::string, Context> after_;  // In which context the output of a template ends.
};

}  // namespace narthex::alerting::tmpl::html
