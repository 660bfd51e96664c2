// SPDX-License-Identifier: Apache-2.0
#include "src/cli/command.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include <fmt/core.h>

namespace narthex::cli {

int ExitCode(const Status& status) {
  if (status) return 0;
  std::fflush(stdout);
  fmt::print(stderr, "{}\n", status.error().message());
  return 1;
}

Status PrintOut(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return {};
  return Fail(Code::kIo, std::string("write stdout: ") + std::strerror(errno));
}

}  // namespace narthex::cli
