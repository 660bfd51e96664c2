// SPDX-License-Identifier: Apache-2.0
#include "src/cli/command.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include <fmt/core.h>

namespace narthex::cli {

namespace {

Status OutputFailure() {
  return Fail(Code::kIo, std::string("write stdout: ") + std::strerror(errno));
}

}  // namespace

int ExitCode(const Status& status) {
  const bool flushed = std::fflush(stdout) == 0;
  if (status && flushed) return 0;
  const Status& failure = status ? OutputFailure() : status;
  fmt::print(stderr, "{}\n", failure.error().message());
  return 1;
}

Status PrintOut(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return {};
  return OutputFailure();
}

}  // namespace narthex::cli
