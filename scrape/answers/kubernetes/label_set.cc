// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/kubernetes/label_set.h"

#include <fmt/core.h>

#include "scrape/answers/naming.h"

namespace narthex::scrape::kubernetes {

namespace {

constexpr std::string_view kPrefix = "__meta_kubernetes_";

}  // namespace

void LabelSet::Set(std::string_view name, std::string_view value) { SetSanitized(name, "", value); }

void LabelSet::SetSanitized(std::string_view name, std::string_view suffix,
                            std::string_view value) {
  std::string& full = labels_.emplace_back(std::string(), value).first;
  full.append(kPrefix).append(name).append(SanitizeLabelName(suffix));
}

void LabelSet::SetPlain(std::string_view name, std::string_view value) {
  labels_.emplace_back(name, value);
}

void LabelSet::AddLabelsAndAnnotations(std::string_view name, const Object& object) {
  const auto add = [&](const TextMap& map, std::string_view kind) {
    const std::string value_name = fmt::format("{}_{}_", name, kind);
    const std::string present_name = fmt::format("{}_{}present_", name, kind);
    for (const auto& [key, value] : map) {
      SetSanitized(value_name, key, value);
      SetSanitized(present_name, key, "true");
    }
  };
  add(object.labels, "label");
  add(object.annotations, "annotation");
}

void LabelSet::AddMetadata(std::string_view name, const Object& object) {
  SetSanitized(fmt::format("{}_name", name), "", object.name);
  AddLabelsAndAnnotations(name, object);
}

void LabelSet::AttachNode(const std::string& node, Related& related) {
  if (!related.attach().node) return;
  if (const Object* found = related.Find<Object>(Resource::kNode, node)) {
    AddMetadata("node", *found);
  }
}

void LabelSet::AttachNamespace(const std::string& space, Related& related) {
  if (!related.attach().space) return;
  if (const Object* found = related.Find<Object>(Resource::kNamespace, space)) {
    AddLabelsAndAnnotations("namespace", *found);
  }
}

model::Labels LabelSet::Build() const {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  pairs.reserve(labels_.size());
  for (const auto& [name, value] : labels_) pairs.emplace_back(name, value);
  return model::Labels::FromPairs(std::move(pairs));
}

}  // namespace narthex::scrape::kubernetes
