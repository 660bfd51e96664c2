// SPDX-License-Identifier: Apache-2.0
#include "src/server/socket_activation.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace narthex::server {
namespace {

/// The number that a variable has, which is removed; 0 = none.
int TakeNumber(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return 0;
  const std::string_view digits = text;
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  unsetenv(variable);
  return whole ? number : 0;
}

}  // namespace

Result<std::vector<int>> TakeActivatedSockets(int first) {
  const int pid = TakeNumber("LISTEN_PID");
  const int count = TakeNumber("LISTEN_FDS");
  unsetenv("LISTEN_FDNAMES");
  std::vector<int> sockets;
  for (int fd = first; pid == getpid() && fd - first < count; ++fd) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) != 0) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("file descriptor {} of LISTEN_FDS={} is not open", fd, count));
    }
    sockets.push_back(fd);
  }
  if (sockets.empty()) {
    return Fail(Code::kNotFound, "no socket activation file descriptors found");
  }
  return sockets;
}

}  // namespace narthex::server
