// SPDX-License-Identifier: Apache-2.0
//
// narthex test rules FILE…: runs unit tests of rule files.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "narthex/promql/features.h"

namespace narthex::cli {

struct TestRulesOptions {
  std::vector<std::string> run;  // Regular expressions; only tests with such names. None = all.
  bool debug = false;
  bool diff = false;
  bool ignore_unknown_fields = false;  // Of rule files.
  std::string junit;                   // File for the results in JUnit's XML; "" = none.
  promql::Features features;
};

/// Prints what promtool prints. @return the exit code: 0 when all passed, 1 otherwise
int TestRules(std::span<const std::string> files, const TestRulesOptions& options);

}  // namespace narthex::cli
