// SPDX-License-Identifier: Apache-2.0
//
// narthex check …: whether files are good, without running anything.
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "narthex/web/access.h"
#include "src/cli/command.h"

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

}  // namespace

void AddCheckCommands(CLI::App& app, Command& chosen) {
  CLI::App* check = app.add_subcommand("check", "Check files for validity.");
  check->require_subcommand(1);
  CLI::App* web_config =
      check->add_subcommand("web-config", "Check files for --web.config.file and what they name.");
  auto files = std::make_shared<std::vector<std::string>>();
  web_config->add_option("FILE", *files, "The files.")->required()->check(CLI::ExistingFile);
  web_config->callback([files, &chosen] { chosen = [files] { return CheckWebConfigs(*files); }; });
}

}  // namespace narthex::cli
