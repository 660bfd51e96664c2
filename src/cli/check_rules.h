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

struct CheckOutcome {
  bool failed = false;
  bool has_errors = false;  // More than lint.

  /// 0, 1 for a bad file, 3 for lint if that is fatal.
  int ExitCode(bool lint_fatal) const;
};

/// Prints what promtool prints.
class RulesChecker final {
 public:
  /// Warns of lints that it does not know.
  explicit RulesChecker(const CheckRulesOptions& options);

  void Check(std::span<const std::string> files, CheckOutcome& outcome) const;
  void CheckStdin(CheckOutcome& outcome) const;

 private:
  const CheckRulesOptions& options_;  // Not owned.
  const bool lint_duplicates_;
};

/// Checks files as RulesChecker does. @param files  none = standard input
/// @return the exit code: 0, 1 for a bad file, 3 for lint with lint_fatal
int CheckRules(std::span<const std::string> files, const CheckRulesOptions& options);

}  // namespace narthex::cli
