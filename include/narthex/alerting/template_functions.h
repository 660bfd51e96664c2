// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

namespace narthex::alerting {

/// The functions that templates of alerts and consoles have beside those of Go's text/template, in
/// no order. The texts live as long as the program.
std::vector<std::string_view> TemplateFunctionNames();

}  // namespace narthex::alerting
