// SPDX-License-Identifier: Apache-2.0
//
// Template text to nodes. Source: Go's text/template/parse, whose errors these are.
#pragma once

#include <string>
#include <string_view>

#include "alerting/template/ast.h"
#include "narthex/base/result.h"

namespace narthex::alerting::tmpl {

/// Which functions a template may call.
enum class Dialect : std::uint8_t { kText, kHtml };

/// Adds a text under its name, and the templates that it defines, in place of those that the set
/// has already under these names (but nothing empty takes the place of something).
/// Errors: kInvalidArgument "template: NAME:LINE: reason".
Status Parse(const std::string& name, std::string text, Dialect dialect, TemplateSet& set);

/// Whether a function of this name can be called.
bool IsFunction(std::string_view name, Dialect dialect);

}  // namespace narthex::alerting::tmpl
