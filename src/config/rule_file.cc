// SPDX-License-Identifier: Apache-2.0
//
// Rule files, all of their checks that need no PromQL. Source: Prometheus model/rulefmt.
#include "narthex/config/rule_file.h"

#include <set>

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/model/labels.h"
#include "src/config/tables.h"
#include "src/config/yaml/reader.h"
#include "src/config/yaml/schema.h"

namespace narthex::config {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

const Type& RuleFileType() {
  static const Schema rule{"rulefmt.Rule",
                           {{"record", &kStringType},
                            {"alert", &kStringType},
                            {"expr", &kStringType},
                            {"for", &kDurationType},
                            {"keep_firing_for", &kDurationType},
                            {"labels", &kStringMapType},
                            {"annotations", &kStringMapType}}};
  static const Type rule_type{Kind::kStruct, "", &rule};
  static const Type rules_type{Kind::kList, "[]rulefmt.Rule", nullptr, &rule_type};
  static const Schema group{"rulefmt.RuleGroup",
                            {{"name", &kStringType},
                             {"interval", &kDurationType},
                             {"query_offset", &kDurationType},
                             {"limit", &kIntType},
                             {"rules", &rules_type},
                             {"labels", &kStringMapType}}};
  static const Type group_type{Kind::kStruct, "", &group};
  static const Type groups_type{Kind::kList, "[]rulefmt.RuleGroup", nullptr, &group_type};
  static const Schema file{"rulefmt.RuleGroups", {{"groups", &groups_type}}};
  static const Type type{Kind::kStruct, "", &file};
  return type;
}

Pairs SortedPairs(const Value& map) {
  Pairs pairs;
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    pairs.emplace_back(map.keys[i], map.items[i].text);
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

RuleConfig ExtractRule(const Value& value) {
  RuleConfig rule;
  rule.record = value["record"].text;
  rule.alert = value["alert"].text;
  rule.expr = value["expr"].text;
  rule.for_ms = value["for"].number;
  rule.keep_firing_for_ms = value["keep_firing_for"].number;
  rule.labels = SortedPairs(value["labels"]);
  rule.annotations = SortedPairs(value["annotations"]);
  rule.line = value.line;
  rule.expr_line = value["expr"].line;
  rule.expr_column = value["expr"].column;
  return rule;
}

std::vector<RuleGroupConfig> ExtractGroups(const Value& groups) {
  std::vector<RuleGroupConfig> result;
  for (const Value& value : groups.items) {
    RuleGroupConfig& group = result.emplace_back();
    group.name = value["name"].text;
    group.interval_ms = value["interval"].number;
    if (value["query_offset"].set) group.query_offset_ms = value["query_offset"].number;
    group.limit = static_cast<int>(value["limit"].number);
    group.labels = SortedPairs(value["labels"]);
    for (const Value& rule : value["rules"].items) group.rules.push_back(ExtractRule(rule));
  }
  return result;
}

class RuleChecker {
 public:
  RuleChecker(const std::string& path, const RuleFileOptions& options)
      : path_(path), options_(options) {}

  /// All that is wrong with the groups, none of which is null.
  std::vector<std::string> Check(const Value& groups) {
    std::set<std::string> names;
    for (const Value& group : groups.items) {
      CheckGroup(group, names);
      int number = 0;
      for (const Value& rule : group["rules"].items) {
        where_ = fmt::format("group {}, rule {}, ", go::Quote(group["name"].text), ++number);
        CheckRule(rule);
      }
    }
    return std::move(problems_);
  }

 private:
  static std::string Position(const Value& value) {
    return fmt::format("{}:{}", value.line, value.column);
  }

  bool ValidName(std::string_view name) const {
    return options_.legacy_names ? model::IsLegacyLabelName(name)
                                 : !name.empty() && model::IsValidUtf8(name);
  }

  template <typename... Parts>
  void Add(fmt::format_string<Parts...> format, Parts&&... parts) {
    problems_.push_back(fmt::format(format, std::forward<Parts>(parts)...));
    if (!path_.empty()) problems_.back().insert(0, path_ + ": ");
  }

  void CheckGroup(const Value& group, std::set<std::string>& names) {
    // Upstream means to name the place of the group, and has not got it.
    const std::string& name = group["name"].text;
    if (name.empty()) Add("0:0: Groupname must not be empty");
    if (!names.insert(name).second) {
      Add("0:0: groupname: \"{}\" is repeated in the same file", name);
    }
    for (const std::string& problem : LabelProblems(SortedPairs(group["labels"]))) {
      Add("{}", problem);
    }
  }

  std::vector<std::string> LabelProblems(const Pairs& labels) const {
    std::vector<std::string> problems;
    for (const auto& [name, value] : labels) {
      if (!ValidName(name) || name == model::kMetricName) {
        problems.push_back(fmt::format("invalid label name: {}", name));
      }
      if (!model::IsValidUtf8(value)) {
        problems.push_back(fmt::format("invalid label value: {}", value));
      }
    }
    return problems;
  }

  /// @param at  "LINE:COL: " or nothing
  void AddToRule(const Value& rule, const std::string& at, std::string_view problem) {
    const std::string& name = rule["alert"].text.empty() ? rule["record"].text : rule["alert"].text;
    Add("{}{}{}: {}", at, where_, go::Quote(name), problem);
  }
  /// The place of a field; that of one that is not there is 0:0, as upstream prints it.
  static std::string At(const Value& field) { return Position(field) + ": "; }

  void CheckRecord(const Value& rule) {
    const Value& record = rule["record"];
    for (const std::string_view field : {"annotations", "for", "keep_firing_for"}) {
      if (rule[field].IsZero()) continue;
      AddToRule(rule, At(record), fmt::format("invalid field '{}' in recording rule", field));
    }
    const std::string& name = record.text;
    const bool valid =
        options_.legacy_names ? model::IsLegacyMetricName(name) : model::IsValidUtf8(name);
    if (!valid) AddToRule(rule, At(record), "invalid recording rule name: " + name);
    if (name.find_first_of("{}") != std::string::npos) {
      AddToRule(rule, At(record),
                "braces present in the recording rule name; should it be in expr?: " + name);
    }
  }

  void CheckExpr(const Value& rule) {
    const Value& expr = rule["expr"];
    if (expr.text.empty()) {
      AddToRule(rule, At(expr), "field 'expr' must be set in rule");
    } else if (options_.check_expr) {
      if (const Status status = options_.check_expr(expr.text); !status) {
        AddToRule(rule, At(expr), "could not parse expression: " + status.error().message());
      }
    }
  }

  void CheckRule(const Value& rule) {
    const Value& record = rule["record"];
    const Value& alert = rule["alert"];
    if (record.text.empty() == alert.text.empty()) {
      AddToRule(rule, At(record) + At(alert),
                record.text.empty() ? "one of 'record' or 'alert' must be set"
                                    : "only one of 'record' and 'alert' must be set");
    }
    CheckExpr(rule);
    if (!record.text.empty()) CheckRecord(rule);
    for (const std::string& problem : LabelProblems(SortedPairs(rule["labels"]))) {
      AddToRule(rule, "", problem);
    }
    for (const auto& [name, value] : SortedPairs(rule["annotations"])) {
      if (!ValidName(name)) AddToRule(rule, "", "invalid annotation name: " + name);
    }
    if (alert.text.empty() || !options_.check_templates) return;
    for (const std::string& problem : options_.check_templates(ExtractRule(rule))) {
      AddToRule(rule, "", problem);
    }
  }

  const std::string& path_;
  const RuleFileOptions& options_;
  std::string where_;  // The rule that is checked: group "G", rule 1,
  std::vector<std::string> problems_;
};

}  // namespace

namespace {

/// An element that is null is none, as in Go's yaml.
void DropNulls(Value& list) {
  std::erase_if(list.items, [](const Value& item) { return !item.IsOpen(); });
}

}  // namespace

Result<RuleFile> ReadRuleText(std::string_view text, const std::string& path,
                              const RuleFileOptions& options) {
  const auto named = [&](Error error) {
    return path.empty() ? Fail(std::move(error)) : Fail(std::move(error).Wrap(path));
  };
  auto document = ParseYaml(text);
  if (!document) return named(std::move(document).error());
  if (document->more_documents) {
    log::Warn(
        "Multiple document yaml rules files are not supported, only the first document is "
        "processed",
        {{"file", path}});
  }
  Value root(RuleFileType());
  root.Open();
  YamlReader reader(*document, options.ignore_unknown_fields, YamlWording::kVersion3);
  if (auto status = reader.Read(root); !status) return named(status.error());
  if (auto status = reader.Finish(); !status) return named(status.error());
  DropNulls(root["groups"]);
  for (Value& group : root["groups"].items) DropNulls(group["rules"]);
  return RuleFile{ExtractGroups(root["groups"]), RuleChecker(path, options).Check(root["groups"])};
}

Result<RuleFile> ReadRuleFile(const std::string& path, const RuleFileOptions& options) {
  NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(path));
  return ReadRuleText(text, path, options);
}

Result<std::vector<RuleGroupConfig>> LoadRuleText(std::string_view text, const std::string& path,
                                                  bool legacy_names) {
  RuleFileOptions options;
  options.legacy_names = legacy_names;
  NX_ASSIGN_OR_RETURN(RuleFile file, ReadRuleText(text, path, options));
  if (!file.problems.empty()) return Fail(Code::kInvalidArgument, file.problems[0]);
  return std::move(file.groups);
}

Result<std::vector<RuleGroupConfig>> LoadRuleFile(const std::string& path, bool legacy_names) {
  NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(path));
  return LoadRuleText(text, path, legacy_names);
}

}  // namespace narthex::config
