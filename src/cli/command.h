// SPDX-License-Identifier: Apache-2.0
//
// What the groups of subcommands share.
#pragma once

#include <functional>
#include <string_view>

#include "narthex/base/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library chose it.
class App;
}

namespace narthex::cli {

/// The chosen command with its parsed options: does its work and gives the exit code.
using Command = std::function<int()>;

/// Add the group's subcommands to `app`; parsing sets `chosen` to the one that was called.
void AddCheckCommands(CLI::App& app, Command& chosen);
void AddTsdbCommands(CLI::App& app, Command& chosen);
void AddCreateBlocksCommands(CLI::App& tsdb, Command& chosen);

/// Prints a failure on stderr. @return the exit code: 0 or 1
int ExitCode(const Status& status);

/// Writes to stdout. Errors: kIo, when nobody reads any more.
Status PrintOut(std::string_view text);

}  // namespace narthex::cli
