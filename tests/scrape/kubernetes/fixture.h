// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "narthex/model/labels.h"
#include "scrape/answers/kubernetes/read_object.h"

namespace narthex::scrape::kubernetes {

/// An object from its JSON, in which ' stands for ".
inline ObjectPtr Read(Resource resource, std::string text) {
  std::replace(text.begin(), text.end(), '\'', '"');
  auto object = ReadObject(resource, boost::json::parse(text));
  EXPECT_TRUE(object) << object.error().message();
  return object ? *object : nullptr;
}

using LabelMap = std::map<std::string, std::string>;

/// Labels as a map, without the prefix that nearly all of them have.
inline LabelMap Short(const model::Labels& labels) {
  LabelMap map;
  constexpr std::string_view kPrefix = "__meta_kubernetes_";
  for (const auto& [name, value] : labels) {
    map.emplace(name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name, value);
  }
  return map;
}

inline std::vector<LabelMap> Short(const std::vector<model::Labels>& targets) {
  std::vector<LabelMap> maps;
  for (const model::Labels& target : targets) maps.push_back(Short(target));
  return maps;
}

}  // namespace narthex::scrape::kubernetes
