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
#include "src/config/schema.h"
#include "src/config/tables.h"
#include "src/config/yaml_reader.h"

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

class RuleChecker {
 public:
  explicit RuleChecker(bool legacy) : legacy_(legacy) {}

  /// The first thing wrong with the groups.
  Status Check(const Value& groups) {
    std::set<std::string> names;
    for (const Value& group : groups.items) {
      if (!group.IsOpen() || group["name"].text.empty()) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("{}: Groupname must not be empty", Position(group)));
      }
      const std::string& name = group["name"].text;
      if (!names.insert(name).second) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("{}: groupname: \"{}\" is repeated in the same file",
                                Position(group), name));
      }
      NX_RETURN_IF_ERROR(CheckLabels(SortedPairs(group["labels"])));
      int number = 0;
      for (const Value& rule : group["rules"].items) {
        ++number;
        NX_RETURN_IF_ERROR(CheckRule(name, number, rule));
      }
    }
    return {};
  }

 private:
  static std::string Position(const Value& value) {
    return fmt::format("{}:{}", value.line, value.column);
  }

  bool ValidName(std::string_view name) const {
    return legacy_ ? model::IsLegacyLabelName(name) : !name.empty() && model::IsValidUtf8(name);
  }

  Status CheckLabels(const Pairs& labels) const {
    for (const auto& [name, value] : labels) {
      if (!ValidName(name) || name == model::kMetricName) {
        return Fail(Code::kInvalidArgument, fmt::format("invalid label name: {}", name));
      }
      if (!model::IsValidUtf8(value)) {
        return Fail(Code::kInvalidArgument, fmt::format("invalid label value: {}", value));
      }
    }
    return {};
  }

  Status CheckRecord(const Value& rule) const {
    const std::string& record = rule["record"].text;
    for (const std::string_view field : {"annotations", "for", "keep_firing_for"}) {
      if (rule[field].IsZero()) continue;
      return Fail(Code::kInvalidArgument,
                  fmt::format("invalid field '{}' in recording rule", field));
    }
    const bool valid = legacy_ ? model::IsLegacyMetricName(record) : model::IsValidUtf8(record);
    if (!valid) {
      return Fail(Code::kInvalidArgument, fmt::format("invalid recording rule name: {}", record));
    }
    if (record.find_first_of("{}") != std::string::npos) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("braces present in the recording rule name; should it be in expr?: "
                              "{}",
                              record));
    }
    return {};
  }

  /// @param[out] where  the field that the error is about, null when there is none
  Status CheckFields(const Value& rule, const Value*& where) const {
    const Value& record = rule["record"];
    const Value& alert = rule["alert"];
    where = &record;
    if (!record.text.empty() && !alert.text.empty()) {
      return Fail(Code::kInvalidArgument, "only one of 'record' and 'alert' must be set");
    }
    if (record.text.empty() && alert.text.empty()) {
      return Fail(Code::kInvalidArgument, "one of 'record' or 'alert' must be set");
    }
    where = &rule["expr"];
    if (rule["expr"].text.empty()) {
      return Fail(Code::kInvalidArgument, "field 'expr' must be set in rule");
    }
    where = &record;
    if (!record.text.empty()) NX_RETURN_IF_ERROR(CheckRecord(rule));
    where = nullptr;
    NX_RETURN_IF_ERROR(CheckLabels(SortedPairs(rule["labels"])));
    for (const auto& [name, value] : SortedPairs(rule["annotations"])) {
      if (!ValidName(name)) {
        return Fail(Code::kInvalidArgument, fmt::format("invalid annotation name: {}", name));
      }
    }
    return {};
  }

  Status CheckRule(const std::string& group, int number, const Value& rule) const {
    if (!rule.IsOpen()) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("{}: group \"{}\", rule {}, \"\": one of 'record' or 'alert' must be "
                              "set",
                              Position(rule), group, number));
    }
    const Value* where = nullptr;
    const auto status = CheckFields(rule, where);
    if (status) return {};
    // A field that is not there has no place of its own: then the rule's.
    const Value& at = where != nullptr && where->line > 0 ? *where : rule;
    const std::string& name = rule["alert"].text.empty() ? rule["record"].text : rule["alert"].text;
    return Fail(Code::kInvalidArgument,
                fmt::format("{}: group {}, rule {}, {}: {}", Position(at), go::Quote(group), number,
                            go::Quote(name), status.error().message()));
  }

  const bool legacy_;
};

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

}  // namespace

Result<std::vector<RuleGroupConfig>> LoadRuleText(std::string_view text, const std::string& path,
                                                  bool legacy_names) {
  const auto named = [&](Error error) { return Fail(std::move(error).Wrap(path)); };
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
  YamlReader reader(*document);
  if (auto status = reader.Read(root); !status) return named(status.error());
  if (auto status = reader.Finish(); !status) return named(status.error());
  if (auto status = RuleChecker(legacy_names).Check(root["groups"]); !status) {
    return named(status.error());
  }
  return ExtractGroups(root["groups"]);
}

Result<std::vector<RuleGroupConfig>> LoadRuleFile(const std::string& path, bool legacy_names) {
  NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(path));
  return LoadRuleText(text, path, legacy_names);
}

}  // namespace narthex::config
