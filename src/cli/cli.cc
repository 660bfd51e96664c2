// SPDX-License-Identifier: Apache-2.0
#include "narthex/cli/cli.h"

#include "src/cli/test_promql.h"

namespace narthex::cli {

std::optional<int> RunTool(std::span<const std::string> arguments) {
  if (arguments.empty() || arguments.front().starts_with("-")) return std::nullopt;
  if (arguments.size() >= 2 && arguments[0] == "test" && arguments[1] == "promql") {
    return TestPromql(arguments.subspan(2), promql::TestEngineOptions());
  }
  return std::nullopt;
}

}  // namespace narthex::cli
