// SPDX-License-Identifier: Apache-2.0
//
// From the command line to the text of each flag, by kingpin's rules, which Prometheus follows.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"

namespace narthex::server {

/// Flag name -> texts given for it. Switches have "true" or "false".
using FlagTexts = std::map<std::string, std::vector<std::string>, std::less<>>;

struct FlagArguments {
  FlagTexts given;
  std::vector<std::string> order;  // Their names, as they came.
  bool help = false;
  bool version = false;
};

/// @param arguments  "@path" stands for the lines of that file
/// @param[out] exit_code  on failure: 1 for what is not known, 2 for what is used wrongly
Result<FlagArguments> ReadFlagArguments(std::vector<std::string> arguments, int& exit_code);

/// What --help prints.
std::string FlagHelp();

/// What --write-documentation prints: the flags as a table in Markdown.
std::string FlagDocumentation();

std::vector<std::string> SplitCommas(std::string_view text);

}  // namespace narthex::server
