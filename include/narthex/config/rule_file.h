// SPDX-License-Identifier: Apache-2.0
//
// Rule files as plain structs. Expressions are text here; alerting parses them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

struct RuleConfig {
  std::string record;  // Exactly one of record and alert is set.
  std::string alert;
  std::string expr;
  model::DurationMs for_ms = 0;
  model::DurationMs keep_firing_for_ms = 0;
  std::vector<std::pair<std::string, std::string>> labels;       // Sorted by name.
  std::vector<std::pair<std::string, std::string>> annotations;  // Sorted by name.
  int line = 0;                                                  // Where the rule begins, from 1.
  int expr_line = 0;                                             // Where its expression is.
  int expr_column = 0;
};

struct RuleGroupConfig {
  std::string name;
  model::DurationMs interval_ms = 0;  // 0 = global evaluation_interval.
  std::optional<model::DurationMs> query_offset_ms;
  int limit = 0;  // 0 = none.
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<RuleConfig> rules;
};

/// What is to be checked in a rule file beyond its form; each may be none.
struct RuleFileOptions {
  bool legacy_names = false;
  bool ignore_unknown_fields = false;
  std::function<Status(const std::string& expr)> check_expr;
  /// Gives everything that is wrong with the templates of an alerting rule.
  std::function<std::vector<std::string>(const RuleConfig&)> check_templates;
};

struct RuleFile {
  std::vector<RuleGroupConfig> groups;
  /// All that is wrong, in Prometheus's words and order: "FILE: LINE:COL: group "G", rule 1, …".
  std::vector<std::string> problems;
};

/// @param path  names the file in problems and errors; may be empty
/// Errors: kNotFound / kIo when it can't be read, kInvalidArgument when it is not YAML of this
/// form.
Result<RuleFile> ReadRuleFile(const std::string& path, const RuleFileOptions& options);
Result<RuleFile> ReadRuleText(std::string_view text, const std::string& path,
                              const RuleFileOptions& options);

/// As above without what is beyond the form; the first problem is an error too.
/// Errors: kInvalidArgument "FILE: LINE:COL: reason"; kNotFound / kIo when it can't be read.
Result<std::vector<RuleGroupConfig>> LoadRuleFile(const std::string& path,
                                                  bool legacy_names = false);
Result<std::vector<RuleGroupConfig>> LoadRuleText(std::string_view text, const std::string& path,
                                                  bool legacy_names = false);

}  // namespace narthex::config
