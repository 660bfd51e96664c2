// SPDX-License-Identifier: Apache-2.0
//
// One test of a rule test file: loads its series, evaluates the rules, compares.
#pragma once

#include <string>
#include <vector>

#include "narthex/config/rule_test_file.h"
#include "narthex/promql/features.h"

namespace narthex::cli {

/// What the tests of a file have in common.
struct RuleTestContext {
  const config::RuleTestFile& file;
  std::vector<std::string> rule_files;  // Paths.
  bool debug = false;
  bool diff = false;  // Show alerts as a coloured difference.
  bool ignore_unknown_fields = false;
  promql::Features features;
};

/// Runs one test in a database of its own. @return what failed, in promtool's words
std::vector<std::string> RunRuleTest(const RuleTestContext& context,
                                     const config::RuleTestGroup& test, const std::string& name);

}  // namespace narthex::cli
