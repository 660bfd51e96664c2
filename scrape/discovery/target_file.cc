// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/target_file.h"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "scrape/discovery/json_body.h"

namespace narthex::scrape {

namespace {

namespace json = boost::json;

std::string_view View(const json::string& text) { return {text.data(), text.size()}; }

Status ReadTargets(const json::value& value, config::TargetGroup& group) {
  if (value.is_null()) return {};
  if (!value.is_array()) return Fail(Code::kInvalidArgument, "\"targets\" is not an array");
  for (const json::value& target : value.get_array()) {
    if (!target.is_string()) return Fail(Code::kInvalidArgument, "a target is not a string");
    group.targets.push_back({{"__address__", View(target.get_string())}});
  }
  return {};
}

Status ReadLabels(const json::value& value, config::TargetGroup& group) {
  if (value.is_null()) return {};
  if (!value.is_object()) return Fail(Code::kInvalidArgument, "\"labels\" is not an object");
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (const auto& [name, text] : value.get_object()) {
    if (!text.is_string()) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("label \"{}\" is not a string", std::string_view(name)));
    }
    if (!model::IsValidUtf8({name.data(), name.size()}) || name.empty()) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("\"{}\" is not a valid label name", std::string_view(name)));
    }
    pairs.emplace_back(std::string_view(name.data(), name.size()), View(text.get_string()));
  }
  group.labels = model::Labels::FromPairs(std::move(pairs));
  return {};
}

Result<config::TargetGroup> ReadGroup(const json::value& value) {
  if (value.is_null()) return Fail(Code::kInvalidArgument, "nil target group item found");
  if (!value.is_object()) return Fail(Code::kInvalidArgument, "a target group is not an object");
  config::TargetGroup group;
  for (const auto& [key, member] : value.get_object()) {
    if (key == "targets") {
      NX_RETURN_IF_ERROR(ReadTargets(member, group));
    } else if (key == "labels") {
      NX_RETURN_IF_ERROR(ReadLabels(member, group));
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

Result<std::vector<config::TargetGroup>> ParseTargetGroupsJson(std::string_view text) {
  std::vector<config::TargetGroup> groups;
  NX_RETURN_IF_ERROR(WithJson(text, [&](const json::value& root) -> Status {
    if (root.is_null()) return {};
    if (!root.is_array()) {
      return Fail(Code::kInvalidArgument, "json: not an array of target groups");
    }
    for (const json::value& item : root.get_array()) {
      NX_ASSIGN_OR_RETURN(config::TargetGroup group, ReadGroup(item));
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
