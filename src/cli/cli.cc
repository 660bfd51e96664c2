// SPDX-License-Identifier: Apache-2.0
#include "narthex/cli/cli.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "narthex/base/log.h"
#include "narthex/promql/test_runner.h"
#include "src/cli/command.h"
#include "src/cli/test_promql.h"

namespace narthex::cli {
namespace {

constexpr std::array<std::string_view, 3> kGroups = {"check", "test", "tsdb"};

void AddTestCommands(CLI::App& app, Command& chosen) {
  CLI::App* test = app.add_subcommand("test", "Run tests of queries and rules.");
  test->require_subcommand(1);
  CLI::App* test_promql =
      test->add_subcommand("promql", "Run PromQL scripts (.test files) on an empty database.");
  auto files = std::make_shared<std::vector<std::string>>();
  test_promql->add_option("FILE", *files, "The scripts.")->required();
  test_promql->callback([files, &chosen] {
    chosen = [files] {
      log::Configure(log::Level::kError, log::Format::kLogfmt);  // Failures are the output.
      return TestPromql(*files, promql::TestEngineOptions());
    };
  });
}

}  // namespace

std::optional<int> RunTool(std::span<const std::string> arguments) {
  if (arguments.empty() ||
      std::find(kGroups.begin(), kGroups.end(), arguments.front()) == kGroups.end()) {
    return std::nullopt;
  }
  CLI::App app("Tools in the narthex binary", "narthex");
  app.require_subcommand(1);
  Command chosen;
  AddCheckCommands(app, chosen);
  AddTestCommands(app, chosen);
  AddTsdbCommands(app, chosen);

  log::Configure(log::Level::kWarn, log::Format::kLogfmt);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "narthex: error: {}, try --help\n", error.what());
    return 1;
  }
  return chosen();
}

}  // namespace narthex::cli
