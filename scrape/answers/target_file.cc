// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/target_file.h"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "scrape/answers/json_body.h"

namespace narthex::scrape {

namespace {

namespace json = boost::json;

/// Null is "", as for Go's encoding/json. @return false for what is no string
bool ReadString(const json::value& value, std::string_view& text) {
  text = {};
  if (const json::string* found = value.if_string()) text = {found->data(), found->size()};
  return value.is_string() || value.is_null();
}

Status ReadTargets(const json::value& value, config::TargetGroup& group, TargetBudget& budget) {
  if (value.is_null()) return {};
  if (!value.is_array()) return Fail(Code::kInvalidArgument, "\"targets\" is not an array");
  budget.TakeTargets(value.get_array().size());
  NX_RETURN_IF_ERROR(budget.status());
  for (const json::value& target : value.get_array()) {
    std::string_view address;
    if (!ReadString(target, address)) {
      return Fail(Code::kInvalidArgument, "a target is not a string");
    }
    group.targets.push_back({{"__address__", address}});
  }
  return {};
}

Status ReadLabels(const json::value& value, config::TargetGroup& group, TargetBudget& budget) {
  if (value.is_null()) return {};
  if (!value.is_object()) return Fail(Code::kInvalidArgument, "\"labels\" is not an object");
  LabelList labels(budget);
  for (const auto& [key, member] : value.get_object()) {
    const std::string_view name(key.data(), key.size());
    std::string_view text;
    if (!ReadString(member, text)) {
      return Fail(Code::kInvalidArgument, fmt::format("label \"{}\" is not a string", name));
    }
    if (!model::IsValidUtf8(name) || name.empty()) {
      return Fail(Code::kInvalidArgument, fmt::format("\"{}\" is not a valid label name", name));
    }
    labels.Add(name, text);
  }
  group.labels = labels.Build();
  return budget.status();
}

Result<config::TargetGroup> ReadGroup(const json::value& value, TargetBudget& budget) {
  if (value.is_null()) return Fail(Code::kInvalidArgument, "nil target group item found");
  if (!value.is_object()) return Fail(Code::kInvalidArgument, "a target group is not an object");
  config::TargetGroup group;
  for (const auto& [key, member] : value.get_object()) {
    if (key == "targets") {
      NX_RETURN_IF_ERROR(ReadTargets(member, group, budget));
    } else if (key == "labels") {
      NX_RETURN_IF_ERROR(ReadLabels(member, group, budget));
    } else {
      return Fail(Code::kInvalidArgument,
                  fmt::format("json: unknown field \"{}\"", std::string_view(key)));
    }
  }
  return group;
}

bool HasJsonEnding(std::string_view path) {
  constexpr std::string_view kJson = ".json";
  if (path.size() < kJson.size()) return false;
  return std::equal(kJson.begin(), kJson.end(), path.end() - kJson.size(), [](char a, char b) {
    return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
  });
}

}  // namespace

Result<std::vector<config::TargetGroup>> ParseTargetGroupsJson(std::string_view text,
                                                               const TargetLimits& limits) {
  std::vector<config::TargetGroup> groups;
  NX_RETURN_IF_ERROR(WithJson(text, [&](const json::value& root) -> Status {
    if (root.is_null()) return {};
    if (!root.is_array()) {
      return Fail(Code::kInvalidArgument, "json: not an array of target groups");
    }
    TargetBudget budget(limits);
    for (const json::value& item : root.get_array()) {
      NX_ASSIGN_OR_RETURN(config::TargetGroup group, ReadGroup(item, budget));
      groups.push_back(std::move(group));
    }
    return {};
  }));
  return groups;
}

Result<std::vector<config::TargetGroup>> ParseTargetFile(const std::string& path,
                                                         std::string_view text) {
  return HasJsonEnding(path) ? ParseTargetGroupsJson(text) : config::ParseTargetGroupsYaml(text);
}

Result<std::vector<config::TargetGroup>> ReadTargetFile(const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(path));
  auto groups = ParseTargetFile(path, text);
  if (!groups) return groups;
  for (std::size_t i = 0; i < groups->size(); ++i) {
    config::TargetGroup& group = (*groups)[i];
    group.source = fmt::format("{}:{}", path, i);
    model::LabelsBuilder labels(group.labels);
    labels.Set("__meta_filepath", path);
    group.labels = labels.Build();
  }
  return groups;
}

}  // namespace narthex::scrape
