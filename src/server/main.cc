// SPDX-License-Identifier: Apache-2.0
//
// One binary: the server, and with a subcommand the tools.
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "narthex/cli/cli.h"
#include "src/server/flags.h"
#include "src/server/run.h"
#include "src/server/version.h"

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  // A link of this name is that program; one named prometheus is the server anyway.
  if (std::filesystem::path(argc > 0 ? argv[0] : "").filename() == "promtool") {
    return narthex::cli::RunPromtool(arguments, narthex::server::VersionText());
  }
  if (const auto exit_code = narthex::cli::RunTool(arguments)) return *exit_code;
  auto parsed = narthex::server::ParseCommandLine(std::move(arguments));
  std::fputs(parsed.text_out.c_str(), stdout);
  std::fputs(parsed.text_err.c_str(), stderr);
  return parsed.run ? narthex::server::Run(std::move(parsed.flags)) : parsed.exit_code;
}
