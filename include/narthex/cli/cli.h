// SPDX-License-Identifier: Apache-2.0
//
// The toolbox in the binary: narthex test promql FILE…
#pragma once

#include <optional>
#include <span>
#include <string>

namespace narthex::cli {

/// Runs the subcommand that the arguments (without the program's name) begin with.
/// @return its exit code, or nullopt when they name none: then the server is meant
std::optional<int> RunTool(std::span<const std::string> arguments);

}  // namespace narthex::cli
