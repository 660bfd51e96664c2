// SPDX-License-Identifier: Apache-2.0
#include "narthex/cli/cli.h"

#include <vector>

#include <CLI/CLI.hpp>

#include "narthex/base/log.h"
#include "narthex/promql/test_runner.h"
#include "src/cli/test_promql.h"

namespace narthex::cli {
std::optional<int> RunTool(std::span<const std::string> arguments) {
  if (arguments.empty() || arguments.front() != "test") return std::nullopt;

  CLI::App app("Tools in the narthex binary", "narthex");
  app.require_subcommand(1);
  CLI::App* test = app.add_subcommand("test", "Run tests of queries and rules");
  test->require_subcommand(1);
  CLI::App* test_promql =
      test->add_subcommand("promql", "Run PromQL scripts (.test files) on an empty database");
  std::vector<std::string> files;
  test_promql->add_option("FILE", files, "The scripts")->required();

  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  log::Configure(log::Level::kError, log::Format::kLogfmt);  // Failures are the output.
  return TestPromql(files, promql::TestEngineOptions());
}

}  // namespace narthex::cli
