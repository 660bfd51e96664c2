// SPDX-License-Identifier: Apache-2.0
//
// What a discovery found, as text that a test can compare.
#pragma once

#include <string>
#include <vector>

#include "narthex/config/target_group.h"
#include "scrape/answers/json_view.h"
#include "scrape/discovery/refresh_discoverer.h"

namespace narthex::scrape {

/// The labels of each target as a line `name=value`, with a line "--" behind each target. The
/// prefix of a mechanism's labels is left out.
inline std::string TargetText(const config::TargetGroup& group, std::string_view prefix) {
  std::string text;
  for (const model::Labels& target : group.targets) {
    for (const auto& [name, value] : target) {
      text += name.starts_with(prefix) ? name.substr(prefix.size()) : name;
      text.append("=").append(value).append("\n");
    }
    text += "--\n";
  }
  return text;
}

/// The text of the one group that a source finds, or its error.
inline std::string RefreshText(RefreshSource& source, std::string_view prefix) {
  const auto groups = source.Refresh();
  if (!groups) return groups.error().message();
  return groups->size() == 1 ? TargetText(groups->at(0), prefix) : "not one group";
}

inline std::unique_ptr<JsonDocument> ParseJson(std::string_view text) {
  auto document = JsonDocument::Parse(text);
  return document ? std::move(*document) : nullptr;
}

}  // namespace narthex::scrape
