// SPDX-License-Identifier: Apache-2.0
#include "src/cli/check_rules.h"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "narthex/alerting/rule_check.h"
#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"

namespace narthex::cli {
namespace {

constexpr int kLintExitCode = 3;

/// Whether duplicates are looked for. Warns of names that it does not know.
bool LintsDuplicates(const std::string& lint) {
  bool on = false;
  for (std::size_t at = 0; !lint.empty() && at <= lint.size();) {
    const std::size_t comma = std::min(lint.find(',', at), lint.size());
    const std::string name = lint.substr(at, comma - at);
    if (name == "all" || name == "duplicate-rules") {
      on = true;
    } else if (name != "none") {
      fmt::print("WARNING: unknown lint option: {}\n", go::Quote(name));
    }
    at = comma + 1;
  }
  return on;
}

using NamedLabels = std::pair<std::string, model::Labels>;

NamedLabels OutputOf(const config::RuleGroupConfig& group, const config::RuleConfig& rule) {
  model::LabelsBuilder labels;
  for (const auto& [name, value] : group.labels) labels.Set(name, value);
  for (const auto& [name, value] : rule.labels) labels.Set(name, value);
  return {rule.alert.empty() ? rule.record : rule.alert, labels.Build()};
}

/// Names and labels that several rules give, each once, sorted.
std::vector<NamedLabels> Duplicates(const std::vector<config::RuleGroupConfig>& groups) {
  std::vector<NamedLabels> all;
  for (const auto& group : groups) {
    for (const auto& rule : group.rules) all.push_back(OutputOf(group, rule));
  }
  std::sort(all.begin(), all.end());
  std::vector<NamedLabels> twice;
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i] == all[i - 1] && (twice.empty() || twice.back() != all[i])) twice.push_back(all[i]);
  }
  return twice;
}

std::string DuplicatesText(const std::vector<NamedLabels>& duplicates) {
  std::string text = fmt::format("lint error {} duplicate rule(s) found.\n", duplicates.size());
  for (const auto& [name, labels] : duplicates) {
    text += fmt::format("Metric: {}\nLabel(s):\n", name);
    for (const auto& [label, value] : labels) text += fmt::format("\t{}: {}\n", label, value);
  }
  return text + "Might cause inconsistency while recording expressions";
}

void PrintFailures(const std::vector<std::string>& failures) {
  std::fflush(stdout);
  fmt::print(stderr, "  FAILED:\n");
  for (const std::string& failure : failures) fmt::print(stderr, "{}\n", failure);
}

void Report(const Result<config::RuleFile>& file, bool lint_duplicates, CheckOutcome& outcome) {
  if (!file || !file->problems.empty()) {
    PrintFailures(file ? file->problems : std::vector{file.error().message()});
    outcome.failed = outcome.has_errors = true;
    return;
  }
  const auto duplicates = lint_duplicates ? Duplicates(file->groups) : std::vector<NamedLabels>();
  if (!duplicates.empty()) {
    PrintFailures({DuplicatesText(duplicates)});
    outcome.failed = true;
  } else {
    std::size_t rules = 0;
    for (const auto& group : file->groups) rules += group.rules.size();
    fmt::print("  SUCCESS: {} rules found\n", rules);
  }
  fmt::print("\n");
}

}  // namespace

int CheckOutcome::ExitCode(bool lint_fatal) const {
  if (has_errors) return 1;
  return failed && lint_fatal ? kLintExitCode : 0;
}

RulesChecker::RulesChecker(const CheckRulesOptions& options)
    : options_(options), lint_duplicates_(LintsDuplicates(options.lint)) {}

void RulesChecker::Check(std::span<const std::string> files, CheckOutcome& outcome) const {
  for (const std::string& file : files) {
    fmt::print("Checking {}\n", file);
    Report(alerting::CheckRuleFile(file, options_.features, options_.ignore_unknown_fields),
           lint_duplicates_, outcome);
  }
}

void RulesChecker::CheckStdin(CheckOutcome& outcome) const {
  fmt::print("Checking standard input\n");
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  Report(config::ReadRuleText(
             text, "", alerting::RuleFileChecks(options_.features, options_.ignore_unknown_fields)),
         lint_duplicates_, outcome);
}

int CheckRules(std::span<const std::string> files, const CheckRulesOptions& options) {
  const RulesChecker checker(options);
  CheckOutcome outcome;
  if (files.empty()) {
    checker.CheckStdin(outcome);
  } else {
    checker.Check(files, outcome);
  }
  return outcome.ExitCode(options.lint_fatal);
}

}  // namespace narthex::cli
