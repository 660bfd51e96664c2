// SPDX-License-Identifier: Apache-2.0
#include "src/net/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/core.h>

#include "src/net/error_text.h"

namespace narthex::net {

Result<std::string> ReadSmallFile(const std::string& path) {
  constexpr std::size_t kMaxBytes = std::size_t{4} << 20;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Fail(Code::kIo, fmt::format("open {}: {}", path, ErrnoText(errno)));
  std::string out;
  char buffer[4096];
  Status status;
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) status = Fail(Code::kIo, fmt::format("read {}: {}", path, ErrnoText(errno)));
    if (n <= 0) break;
    out.append(buffer, static_cast<std::size_t>(n));
    if (out.size() > kMaxBytes) {
      status =
          Fail(Code::kInvalidArgument, fmt::format("{}: larger than {} bytes", path, kMaxBytes));
      break;
    }
  }
  close(fd);
  NX_RETURN_IF_ERROR(status);
  return out;
}

Result<std::string> ReadTrimmedFile(const std::string& path) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  NX_ASSIGN_OR_RETURN(std::string text, ReadSmallFile(path));
  text.erase(text.find_last_not_of(kSpace) + 1);
  text.erase(0, text.find_first_not_of(kSpace));
  return text;
}

}  // namespace narthex::net
