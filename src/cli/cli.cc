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
#include "src/cli/feature_option.h"
#include "src/cli/test_promql.h"
#include "src/cli/test_rules.h"

namespace narthex::cli {
namespace {

constexpr std::array<std::string_view, 3> kGroups = {"check", "test", "tsdb"};

void AddTestRules(CLI::App& test, Command& chosen) {
  struct Arguments {
    std::vector<std::string> files, features;
    TestRulesOptions options;
  };
  auto arguments = std::make_shared<Arguments>();
  test.add_option("--junit", arguments->options.junit,
                  "File path to store JUnit XML test results of rules.");
  CLI::App* rules = test.add_subcommand("rules", "Unit tests for rules.");
  rules->fallthrough();  // The group's flag may come behind.
  rules->add_option("FILE", arguments->files, "The unit test files.")
      ->required()
      ->check(CLI::ExistingFile);
  rules
      ->add_option("--run", arguments->options.run,
                   "Only run tests whose names match the regular expression. Can be repeated.")
      ->expected(1);
  rules->add_flag("--debug", arguments->options.debug, "Print all data of each test.");
  rules->add_flag("--diff", arguments->options.diff,
                  "Print expected and actual alerts as a coloured difference.");
  rules->add_flag("--ignore-unknown-fields", arguments->options.ignore_unknown_fields,
                  "Ignore unknown fields in the rule files, which the server does not.");
  AddFeatureOption(*rules, arguments->features);
  rules->callback([arguments, &chosen] {
    chosen = [arguments] {
      log::Configure(log::Level::kError, log::Format::kLogfmt);  // Failures are the output.
      arguments->options.features = PromqlFeatures(arguments->features);
      return TestRules(arguments->files, arguments->options);
    };
  });
}

void AddTestCommands(CLI::App& app, Command& chosen) {
  CLI::App* test = app.add_subcommand("test", "Run tests of queries and rules.");
  test->require_subcommand(1);
  AddTestRules(*test, chosen);
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

int Run(const std::string& program, const std::string& version,
        std::span<const std::string> arguments) {
  CLI::App app("Tools in the narthex binary", program);
  app.require_subcommand(1);
  if (!version.empty()) app.set_version_flag("--version", version, "Show the version.");
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
  } catch (const CLI::CallForVersion&) {
    fmt::print("{}", version);
    return 0;
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "{}: error: {}, try --help\n", program, error.what());
    return 1;
  }
  return chosen();
}

}  // namespace

int RunPromtool(std::span<const std::string> arguments, const std::string& version) {
  return Run("promtool", version, arguments);
}

std::optional<int> RunTool(std::span<const std::string> arguments) {
  if (arguments.empty() ||
      std::find(kGroups.begin(), kGroups.end(), arguments.front()) == kGroups.end()) {
    return std::nullopt;
  }
  return Run("narthex", "", arguments);
}

}  // namespace narthex::cli
