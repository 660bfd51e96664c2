// SPDX-License-Identifier: Apache-2.0
//
// relabel_configs and their checks. Source: Prometheus model/relabel.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"
#include "src/config/tables.h"

namespace narthex::config {

namespace {

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Checks the source labels; lower-cases the action and refuses unknown ones.
Status CheckPlain(Value& rule) {
  for (const Value& name : rule["source_labels"].items) {
    if (name.text.empty() || !model::IsValidUtf8(name.text)) {
      return Reject(name, fmt::format("{} is not a valid label name", go::Quote(name.text)));
    }
  }
  Value& action = rule["action"];
  if (action.text.empty() && !action.set) return {};
  std::string lower = action.text;
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  if (!IsOneOf(lower, {"replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap",
                       "labeldrop", "labelkeep", "lowercase", "uppercase"})) {
    return Reject(action, lower.empty()
                              ? "relabel action cannot be empty"
                              : fmt::format("unknown relabel action {}", go::Quote(action.text)));
  }
  action.text = std::move(lower);
  return {};
}

const Type& RuleType() {
  static const Schema schema{"relabel.plain",
                             {{"source_labels", &kLabelListType},
                              {"separator", &kStringType, Show::kAlways, ";"},
                              {"regex", &kRegexType, Show::kUnlessEmpty, "(.*)"},
                              {"modulus", &kUint64Type},
                              {"target_label", &kStringType},
                              {"replacement", &kStringType, Show::kAlways, "$1"},
                              {"action", &kStringType, Show::kUnlessEmpty, "replace"}},
                             CheckPlain};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

bool IsLabelName(std::string_view name, bool legacy) {
  return legacy ? model::IsLegacyLabelName(name) : !name.empty() && model::IsValidUtf8(name);
}

/// Letters, underscores and $name or ${name}; digits not at the start of a part.
bool IsLegacyTemplate(std::string_view text) {
  bool may_have_digit = false;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '$') {
      const bool digit = text[i] >= '0' && text[i] <= '9';
      if (!IsWordChar(text[i]) || (digit && !may_have_digit)) return false;
      may_have_digit = true;
      ++i;
      continue;
    }
    const bool braces = i + 1 < text.size() && text[i + 1] == '{';
    const std::size_t from = i + (braces ? 2 : 1);
    std::size_t to = from;
    while (to < text.size() && IsWordChar(text[to])) ++to;
    if (to == from || (braces && (to == text.size() || text[to] != '}'))) return false;
    i = to + (braces ? 1 : 0);
    may_have_digit = true;
  }
  return !text.empty();
}

bool IsTemplate(std::string_view text, bool legacy) {
  return legacy ? IsLegacyTemplate(text) : IsLabelName(text, false);
}

Status CheckNames(const Value& rule, std::string_view action, bool legacy) {
  const std::string& target = rule["target_label"].text;
  const bool has_variable = target.find('$') != std::string::npos;
  const bool strict = IsOneOf(action, {"lowercase", "uppercase", "keepequal", "dropequal"});
  const bool fits = has_variable && action == "replace" ? IsTemplate(target, legacy)
                                                        : IsLabelName(target, legacy);
  if ((strict || action == "replace" || action == "hashmod") && !fits) {
    return Reject(
        rule, fmt::format("{} is invalid 'target_label' for {} action", go::Quote(target), action));
  }
  const std::string& replacement = rule["replacement"].text;
  if (strict && replacement != "$1") {
    return Reject(rule, fmt::format("'replacement' can not be set for {} action", action));
  }
  if (action == "labelmap" && !IsTemplate(replacement, legacy)) {
    return Reject(rule, fmt::format("{} is invalid 'replacement' for {} action",
                                    go::Quote(replacement), action));
  }
  return {};
}

Status CheckRule(const Value& rule, bool legacy) {
  const std::string& action = rule["action"].text;
  if (action.empty()) return Reject(rule, "relabel action cannot be empty");
  if (action == "hashmod" && rule["modulus"].number == 0) {
    return Reject(rule, "relabel configuration for hashmod requires non-zero modulus");
  }
  const bool needs_target =
      IsOneOf(action, {"replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"});
  if (needs_target && rule["target_label"].text.empty()) {
    return Reject(rule, fmt::format("relabel configuration for {} action requires 'target_label' "
                                    "value",
                                    action));
  }
  NX_RETURN_IF_ERROR(CheckNames(rule, action, legacy));
  const bool plain = rule["modulus"].number == 0 && rule["separator"].text == ";" &&
                     rule["replacement"].text == "$1";
  if (IsOneOf(action, {"keepequal", "dropequal"}) && (!plain || rule["regex"].set)) {
    return Reject(rule, fmt::format("{} action requires only 'source_labels' and `target_label`, "
                                    "and no other fields",
                                    action));
  }
  if (IsOneOf(action, {"labeldrop", "labelkeep"}) &&
      (!plain || rule["source_labels"].set || !rule["target_label"].text.empty())) {
    return Reject(rule,
                  fmt::format("{} action requires only 'regex', and no other fields", action));
  }
  return {};
}

}  // namespace

const Type& RelabelListType() {
  static const Type type{Kind::kList, "[]*relabel.Config", nullptr, &RuleType()};
  return type;
}

Status CheckRelabel(const Value& list, bool legacy_names) {
  for (const Value& rule : list.items) NX_RETURN_IF_ERROR(CheckRule(rule, legacy_names));
  return {};
}

}  // namespace narthex::config
