// SPDX-License-Identifier: Apache-2.0
#include "tests/tsdb/support/promtool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

namespace narthex::tsdb::testing {

std::optional<std::string> FindPromtool() {
  std::string folders;
  for (const char* variable : {"NARTHEX_PEERS", "PATH"}) {
    if (const char* value = std::getenv(variable)) folders += std::string(value) + ":";
  }
  for (std::size_t begin = 0, end; (end = folders.find(':', begin)) != std::string::npos;
       begin = end + 1) {
    if (end == begin) continue;
    const std::string path = folders.substr(begin, end - begin) + "/promtool";
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

CommandResult RunCommand(const std::string& command) {
  CommandResult result;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  char buffer[65536];
  while (const std::size_t n = std::fread(buffer, 1, sizeof(buffer), pipe)) {
    result.output.append(buffer, n);
  }
  const int status = ::pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

}  // namespace narthex::tsdb::testing
