// SPDX-License-Identifier: Apache-2.0
#include "src/config/yaml/target_groups.h"

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "src/config/yaml/node.h"
#include "src/config/yaml/reader.h"

namespace narthex::config {

namespace {

Status CheckTargetLabels(Value& group) {
  const Value& labels = group["labels"];
  for (const std::string& name : labels.keys) {
    if (name.empty() || !model::IsValidUtf8(name)) {
      return Reject(labels, fmt::format("{} is not a valid label name", go::Quote(name)));
    }
  }
  return {};
}

}  // namespace

const Type& TargetGroupList() {
  // An anonymous struct in Go, hence its long name in messages.
  static const Schema schema{
      "struct { Targets []string \"yaml:\\\"targets\\\"\"; Labels model.LabelSet "
      "\"yaml:\\\"labels\\\"\" }",
      {{"targets", &kStringListType, Show::kAlways}, {"labels", &kStringMapType}},
      CheckTargetLabels};
  static const Type group{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*targetgroup.Group", nullptr, &group};
  return list;
}

model::Labels LabelSet(const Value& map) {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    pairs.emplace_back(map.keys[i], map.items[i].text);
  }
  return model::Labels::FromPairs(std::move(pairs));
}

std::vector<TargetGroup> ExtractTargetGroups(const Value& list) {
  std::vector<TargetGroup> groups;
  for (const Value& item : list.items) {
    TargetGroup& group = groups.emplace_back();
    group.source = std::to_string(groups.size() - 1);
    group.labels = LabelSet(item["labels"]);
    for (const Value& target : item["targets"].items) {
      group.targets.push_back({{"__address__", target.text}});
    }
  }
  return groups;
}

Result<std::vector<TargetGroup>> ParseTargetGroupsYaml(std::string_view text) {
  NX_ASSIGN_OR_RETURN(const YamlDocument document, ParseYaml(text));
  Value list(TargetGroupList());
  YamlReader reader(document);
  NX_RETURN_IF_ERROR(reader.Read(list));
  NX_RETURN_IF_ERROR(reader.Finish());
  NX_RETURN_IF_ERROR(CheckNoNull(list, "nil target group item found"));
  return ExtractTargetGroups(list);
}

}  // namespace narthex::config
