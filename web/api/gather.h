// SPDX-License-Identifier: Apache-2.0
//
// One answer from the answers to several match[].
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "narthex/base/result.h"
#include "web/api/parameters.h"

namespace narthex::web {

/// What to ask storage for: one more than wanted, to learn whether there is more. 0 = all.
inline std::size_t HintLimit(std::size_t limit) {
  return limit == 0 || limit == SIZE_MAX ? limit : limit + 1;
}

/// Asks once per matcher set (once without matchers when there are none) and joins the answers.
template <typename Ask>
Result<std::vector<std::string>> Gather(const std::vector<MatcherSet>& sets, const Ask& ask) {
  if (sets.size() <= 1) return ask(sets.empty() ? MatcherSet() : sets[0]);
  std::set<std::string> all;
  for (const MatcherSet& set : sets) {
    NX_ASSIGN_OR_RETURN(std::vector<std::string> some, ask(set));
    for (std::string& text : some) all.insert(std::move(text));
  }
  return std::vector<std::string>(all.begin(), all.end());
}

}  // namespace narthex::web
