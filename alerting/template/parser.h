// SPDX-License-Identifier: Apache-2.0
//
// Template text to nodes. Source: Go's text/template/parse, whose errors these are.
#pragma once

#include <string>
#include <string_view>

#include "alerting/template/ast.h"
#include "narthex/base/result.h"

namespace narthex::alerting::tmpl {

/// Errors: kInvalidArgument "template: NAME:LINE: reason".
Result<TemplateSet> Parse(const std::string& name, std::string_view text);

/// Whether a function of this name can be called.
bool IsFunction(std::string_view name);

}  // namespace narthex::alerting::tmpl
