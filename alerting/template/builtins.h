// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "alerting/template/exec.h"

namespace narthex::alerting::tmpl {

/// Of Go's text/template.
std::span<const Function> Builtins();
/// Of Prometheus's template package.
std::span<const Function> PrometheusFunctions();
/// Those that Prometheus adds for console pages.
std::span<const Function> ConsoleFunctions();
/// What html/template puts at the end of pipelines; no template can name them.
std::span<const Function> HtmlEscapers();

}  // namespace narthex::alerting::tmpl
