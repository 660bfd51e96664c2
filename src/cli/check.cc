// SPDX-License-Identifier: Apache-2.0
//
// narthex check …: whether files are good, without running anything.
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/web/access.h"
#include "src/cli/check_config.h"
#include "src/cli/check_rules.h"
#include "src/cli/command.h"
#include "src/cli/feature_option.h"

namespace narthex::cli {
namespace {

int CheckWebConfigs(const std::vector<std::string>& files) {
  bool all_good = true;
  for (const std::string& file : files) {
    const Status status = web::WebAccess::CheckFile(file);
    if (status) {
      fmt::print(stderr, "{} SUCCESS\n", file);
    } else {
      fmt::print(stderr, "{} FAILED: {}\n", file, status.error().message());
      all_good = false;
    }
  }
  return all_good ? 0 : 1;
}

void AddCheckRules(CLI::App& check, Command& chosen) {
  CLI::App* rules = check.add_subcommand("rules", "Check if the rule files are valid or not.");
  struct Arguments {
    std::vector<std::string> files, features;
    CheckRulesOptions options;
  };
  auto arguments = std::make_shared<Arguments>();
  rules->add_option("FILE", arguments->files, "The rule files; none = standard input.")
      ->check(CLI::ExistingFile);
  rules->add_option("--lint", arguments->options.lint,
                    "Linting checks to apply, comma-separated: all, duplicate-rules, none.");
  rules->add_flag("--lint-fatal", arguments->options.lint_fatal,
                  "Make lint errors exit with exit code 3.");
  rules->add_flag("--ignore-unknown-fields", arguments->options.ignore_unknown_fields,
                  "Ignore unknown fields in the rule files, which the server does not.");
  AddFeatureOption(*rules, arguments->features);
  rules->callback([arguments, &chosen] {
    chosen = [arguments] {
      arguments->options.features = PromqlFeatures(arguments->features);
      return CheckRules(arguments->files, arguments->options);
    };
  });
}

void AddCheckConfig(CLI::App& check, Command& chosen) {
  CLI::App* config = check.add_subcommand("config", "Check if the config files are valid or not.");
  struct Arguments {
    std::vector<std::string> files, features;
    std::string lookback_delta = "5m";
    CheckConfigOptions options;
  };
  auto arguments = std::make_shared<Arguments>();
  CheckConfigOptions& options = arguments->options;
  config->fallthrough();  // The group's flag may come behind.
  check.add_option("--query.lookback-delta", arguments->lookback_delta,
                   "The server's maximum query lookback duration.");
  config->add_option("FILE", arguments->files, "The config files.")
      ->required()
      ->check(CLI::ExistingFile);
  config->add_flag("--syntax-only", options.syntax_only,
                   "Only check the file itself, not what it names.");
  config->add_flag("--agent", options.agent, "Check the file for a Prometheus in agent mode.");
  config->add_option("--lint", options.rules.lint,
                     "Linting checks to apply, comma-separated: all, duplicate-rules, none, "
                     "too-long-scrape-interval.");
  config->add_flag("--lint-fatal", options.rules.lint_fatal,
                   "Make lint errors exit with exit code 3.");
  config->add_flag("--ignore-unknown-fields", options.rules.ignore_unknown_fields,
                   "Ignore unknown fields in the rule files, which the server does not.");
  AddFeatureOption(*config, arguments->features);
  const std::string program = check.get_parent()->get_name();
  config->callback([arguments, program, &chosen] {
    chosen = [arguments, program] {
      log::Configure(log::Level::kError, log::Format::kLogfmt);  // Failures are the output.
      const auto lookback_ns = go::ParseDuration(arguments->lookback_delta);
      if (!lookback_ns) {
        fmt::print(stderr, "{}: error: time: invalid duration {}, try --help\n", program,
                   go::Quote(arguments->lookback_delta));
        return 1;
      }
      arguments->options.lookback_delta_ms = *lookback_ns / 1'000'000;
      arguments->options.rules.features = PromqlFeatures(arguments->features);
      return CheckConfig(arguments->files, arguments->options);
    };
  });
}

}  // namespace

void AddCheckCommands(CLI::App& app, Command& chosen) {
  CLI::App* check = app.add_subcommand("check", "Check files for validity.");
  check->require_subcommand(1);
  AddCheckRules(*check, chosen);
  AddCheckConfig(*check, chosen);
  CLI::App* web_config =
      check->add_subcommand("web-config", "Check files for --web.config.file and what they name.");
  auto files = std::make_shared<std::vector<std::string>>();
  web_config->add_option("FILE", *files, "The files.")->required()->check(CLI::ExistingFile);
  web_config->callback([files, &chosen] { chosen = [files] { return CheckWebConfigs(*files); }; });
}

}  // namespace narthex::cli
