// SPDX-License-Identifier: Apache-2.0
//
// The real promtool as a judge, for tests that are skipped where it is not installed.
#pragma once

#include <optional>
#include <string>

namespace narthex::tsdb::testing {

/// Path of promtool, in the folder that the variable NARTHEX_PEERS names or in PATH.
std::optional<std::string> FindPromtool();

struct CommandResult {
  int exit_code = -1;
  std::string output;  // Both streams.
};
/// Runs a shell command line.
CommandResult RunCommand(const std::string& command);

}  // namespace narthex::tsdb::testing
