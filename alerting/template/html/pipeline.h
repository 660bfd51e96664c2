// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "alerting/template/ast.h"
#include "alerting/template/html/context.h"

namespace narthex::alerting::tmpl::html {

/// Names of escapers, in the order in which they run.
using Escapers = std::vector<std::string_view>;

/// What escapes an action in this context; changes the context to that after it.
/// @param[out] problem  why that can't be; else empty
Escapers EscapersFor(const Node& action, Context& context, std::string& problem);

/// Puts the escapers behind the commands of an action that has none yet, without those that would
/// repeat what a command of the template does (html, urlquery) or the one before.
void Append(Escapers escapers, Node& action);

}  // namespace narthex::alerting::tmpl::html
