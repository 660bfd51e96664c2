// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "alerting/template/exec.h"

namespace narthex::alerting::tmpl {

/// Of Go's text/template.
std::span<const Function> Builtins();
/// Of Prometheus's template package.
std::span<const Function> PrometheusFunctions();

}  // namespace narthex::alerting::tmpl
