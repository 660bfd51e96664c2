// SPDX-License-Identifier: Apache-2.0
//
// Expected and actual alerts of a rule test in one coloured text.
#pragma once

#include <string>
#include <vector>

#include "src/cli/rule_test_text.h"

namespace narthex::cli {

/// The alerts as JSON over several lines, those of equal rank beside each other: red = is missing,
/// green = is too much, yellow = "expected" => "got". An empty list counts as one alert without
/// labels, as in promtool. @param indent  of all lines but the first
std::string AlertDiff(std::vector<TestedAlert> want, std::vector<TestedAlert> got,
                      const std::string& indent);

}  // namespace narthex::cli
