// SPDX-License-Identifier: Apache-2.0
//
// narthex check rules: whether rule files are good.
#pragma once

#include <span>
#include <string>

#include "narthex/promql/features.h"

namespace narthex::cli {

struct CheckRulesOptions {
  std::string lint = "duplicate-rules";  // Comma-separated: all, duplicate-rules, none.
  bool lint_fatal = false;
  bool ignore_unknown_fields = false;
  promql::Features features;
};

/// Prints what promtool prints. @param files  none = standard input
/// @return the exit code: 0, 1 for a bad file, 3 for lint with lint_fatal
int CheckRules(std::span<const std::string> files, const CheckRulesOptions& options);

}  // namespace narthex::cli
