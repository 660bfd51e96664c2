// SPDX-License-Identifier: Apache-2.0

#include "alerting/rules/spec.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "alerting/template/expand.h"
#include "narthex/alerting/rule_check.h"
#include "narthex/base/go_format.h"
#include "narthex/base/hash.h"
#include "narthex/config/config.h"
#include "narthex/config/glob.h"
#include "narthex/config/rule_file.h"
#include "narthex/promql/parser.h"
#include "narthex/promql/printer.h"

namespace narthex::alerting {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

model::Labels Merged(const Pairs& group, const Pairs& rule) {
  std::map<std::string_view, std::string_view> merged(group.begin(), group.end());
  for (const auto& [name, value] : rule) merged[name] = value;
  return model::Labels::FromSorted(merged);
}

Result<RuleSpec> MakeRule(const config::RuleConfig& rule, const Pairs& group_labels,
                          const promql::Features& features) {
  RuleSpec spec;
  spec.alerting = !rule.alert.empty();
  spec.name = spec.alerting ? rule.alert : rule.record;
  NX_ASSIGN_OR_RETURN(const auto expr, promql::ParseExpr(rule.expr, features));
  spec.query = promql::ToString(*expr);
  spec.labels = Merged(group_labels, rule.labels);
  spec.annotations = model::Labels::FromSorted(rule.annotations);
  spec.hold_ms = rule.for_ms;
  spec.keep_firing_ms = rule.keep_firing_for_ms;
  return spec;
}

/// "label "NAME": template: …" for each that is bad.
std::vector<std::string> TemplateProblems(const config::RuleConfig& rule) {
  std::vector<std::string> problems;
  for (const auto& [kind, pairs] :
       {std::pair("label", &rule.labels), std::pair("annotation", &rule.annotations)}) {
    for (const auto& [name, text] : *pairs) {
      if (const AlertText parsed(rule.alert, text); !parsed.parsed()) {
        problems.push_back(
            fmt::format("{} {}: {}", kind, go::Quote(name), parsed.parsed().error().message()));
      }
    }
  }
  return problems;
}

Result<GroupSpec> MakeGroup(const std::string& file, const config::RuleGroupConfig& group,
                            const config::GlobalConfig& global, const promql::Features& features) {
  GroupSpec spec;
  spec.file = file;
  spec.name = group.name;
  spec.interval_ms = group.interval_ms > 0 ? group.interval_ms : global.evaluation_interval_ms;
  spec.interval_ms = std::max<model::DurationMs>(spec.interval_ms, 1);
  spec.query_offset_ms = group.query_offset_ms.value_or(global.rule_query_offset_ms);
  spec.limit = group.limit;
  spec.external_labels = global.external_labels;
  for (const config::RuleConfig& rule : group.rules) {
    NX_ASSIGN_OR_RETURN(auto made, MakeRule(rule, group.labels, features));
    spec.rules.push_back(std::move(made));
  }
  return spec;
}

using GroupsByKey = std::map<std::string, GroupSpec>;
using Problems = std::vector<std::string>;

Problems AddFile(const std::string& file, const config::GlobalConfig& global,
                 const promql::Features& features, bool ignore_unknown_fields,
                 GroupsByKey& by_key) {
  auto read = config::ReadRuleFile(
      file, RuleFileChecks(features, ignore_unknown_fields, global.legacy_names));
  if (!read) return {read.error().message()};
  if (!read->problems.empty()) return std::move(read->problems);
  for (const config::RuleGroupConfig& group : read->groups) {
    auto spec = MakeGroup(file, group, global, features);
    if (!spec) return {spec.error().message()};
    by_key.insert_or_assign(spec->Key(), std::move(*spec));
  }
  return {};
}

std::vector<GroupSpec> Sorted(GroupsByKey&& by_key) {
  std::vector<GroupSpec> all;
  all.reserve(by_key.size());
  for (auto& [key, spec] : by_key) all.push_back(std::move(spec));
  std::sort(all.begin(), all.end(), [](const GroupSpec& a, const GroupSpec& b) {
    return std::pair(a.file, a.name) < std::pair(b.file, b.name);
  });
  return all;
}

}  // namespace

Result<config::RuleFile> CheckRuleFile(const std::string& file, const promql::Features& features,
                                       bool ignore_unknown_fields) {
  return config::ReadRuleFile(file, RuleFileChecks(features, ignore_unknown_fields));
}

config::RuleFileOptions RuleFileChecks(const promql::Features& features, bool ignore_unknown_fields,
                                       bool legacy_names) {
  config::RuleFileOptions options;
  options.legacy_names = legacy_names;
  options.ignore_unknown_fields = ignore_unknown_fields;
  options.check_expr = [features](const std::string& expr) -> Status {
    NX_RETURN_IF_ERROR(promql::ParseExpr(expr, features));
    return {};
  };
  options.check_templates = TemplateProblems;
  return options;
}

model::Labels LabelsOfRecorded(const std::string& name, const model::Labels& rule_labels) {
  return rule_labels.With({{model::kMetricName, name}});
}

Result<std::vector<GroupSpec>> LoadGroups(const config::Config& config,
                                          const promql::Features& features) {
  std::vector<std::string> files;
  for (const std::string& pattern : config.rule_files) {
    for (std::string& file : config::Glob(pattern)) files.push_back(std::move(file));
  }
  return GroupsOrError(LoadGroupsOf(files, config.global, features, false));
}

LoadedGroups LoadGroupsOf(std::span<const std::string> files, const config::GlobalConfig& global,
                          const promql::Features& features, bool ignore_unknown_fields) {
  GroupsByKey by_key;
  for (const auto& file : files) {
    Problems problems = AddFile(file, global, features, ignore_unknown_fields, by_key);
    if (!problems.empty()) return {{}, std::move(problems)};
  }
  return {Sorted(std::move(by_key)), {}};
}

Result<std::vector<GroupSpec>> GroupsOrError(LoadedGroups loaded) {
  if (loaded.problems.empty()) return std::move(loaded.groups);
  return Fail(Code::kInvalidArgument, fmt::format("{}", fmt::join(loaded.problems, "\n")));
}

std::int64_t SlotOffsetNs(std::string_view file, std::string_view name, std::int64_t interval_ns) {
  const model::Labels labels = {{"file", file}, {"name", name}};
  return static_cast<std::int64_t>(XxHash64(labels.bytes()) %
                                   static_cast<std::uint64_t>(interval_ns));
}

std::int64_t SlotBefore(std::int64_t now_ns, std::int64_t interval_ns, std::int64_t offset_ns) {
  const std::int64_t since = now_ns - offset_ns;
  return since - since % interval_ns + offset_ns;
}

}  // namespace narthex::alerting
