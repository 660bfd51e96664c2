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

/// The nodes of templates as they were written, by name. A template that calls of tmpl need later
/// in another place can't be copied from its escaped nodes: some of their escapers would be kept.
using Unescaped = std::map<std::string, NodeList>;

/// Thread safety: one thread at a time.
class Escaper final {
 public:
  /// @param set  not owned, whole before the first Escape; its templates are changed, and those
  ///             that are called in other places than text get copies: "NAME$htmltemplate_stateJS"
  explicit Escaper(TemplateSet& set) : set_(set) {}

  /// Makes a template, and all that it calls, fit to be executed between tags. Does nothing when
  /// that was done. Errors: kExecution "html/template:NAME:LINE:COLUMN: reason".
  Status Escape(const std::string& name);

  /// Whether there was a template of this name before the first Escape: one that is no copy.
  bool IsWritten(const std::string& name) const;

 private:
  TemplateSet& set_;
  Unescaped unescaped_;                   // Of the time before the first Escape.
  std::map<std::string, Context> after_;  // In which context the output of a template ends.
};

}  // namespace narthex::alerting::tmpl::html
