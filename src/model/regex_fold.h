// SPDX-License-Identifier: Apache-2.0
//
// Finds what a regular expression says without running it: the finite set of literals it stands
// for, or a literal that every match begins with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace narthex::model {

struct RegexFold {
  std::vector<std::string> literals;  // All matches, sorted and unique; empty = not a finite set.
  std::string prefix;                 // Every match begins with it.
};

/// @param pattern  valid RE2 syntax; what this function does not understand, it leaves to RE2
RegexFold FoldRegex(std::string_view pattern);

}  // namespace narthex::model
