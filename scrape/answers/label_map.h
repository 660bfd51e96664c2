// SPDX-License-Identifier: Apache-2.0
//
// Labels of a target while a discovery puts them together.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/model/labels.h"

namespace narthex::scrape {

/// Names to values; what is set again is replaced.
using LabelMap = std::map<std::string, std::string, std::less<>>;

inline const std::string kAddressLabel = "__address__";

/// Without those that are empty.
model::Labels ToLabels(const LabelMap& map);

/// ",a,b,": relabelling rules need not think of the places of the parts.
std::string JoinSurrounded(const std::vector<std::string>& parts, std::string_view separator = ",");

}  // namespace narthex::scrape
