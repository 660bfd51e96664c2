// SPDX-License-Identifier: Apache-2.0
#include "narthex/cli/cli.h"

namespace narthex::cli {

std::optional<int> RunTool(std::span<const std::string> arguments) {
  if (arguments.empty() || arguments.front().starts_with("-")) return std::nullopt;
  return std::nullopt;
}

}  // namespace narthex::cli
