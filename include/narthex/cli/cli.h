// SPDX-License-Identifier: Apache-2.0
//
// The toolbox in the binary: narthex test promql FILE…, or through a link named promtool:
// promtool test promql FILE…
#pragma once

#include <optional>
#include <span>
#include <string>

namespace narthex::cli {

/// The whole program under the name promtool.
/// @param arguments  without the program's name
/// @param version    what --version prints
/// @return its exit code
int RunPromtool(std::span<const std::string> arguments, const std::string& version);

/// Runs the subcommand that the arguments (without the program's name) begin with.
/// @return its exit code, or nullopt when they name none: then the server is meant
std::optional<int> RunTool(std::span<const std::string> arguments);

}  // namespace narthex::cli
