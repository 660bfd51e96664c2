// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace narthex::web {

/// What the parameter fuzz_alg of the search API takes; the first is its default.
std::span<const std::string_view> FuzzyAlgorithmNames();

}  // namespace narthex::web
