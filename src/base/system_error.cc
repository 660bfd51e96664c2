// SPDX-License-Identifier: Apache-2.0
#include "src/base/system_error.h"

#include <cctype>
#include <cstring>
#include <string>

#include <fmt/format.h>

namespace narthex {

Error SystemError(std::string_view operation, std::string_view path, int error) {
  std::string reason = std::strerror(error);
  if (!reason.empty()) reason[0] = static_cast<char>(std::tolower(reason[0]));
  return {error == ENOENT ? Code::kNotFound : Code::kIo,
          fmt::format("{} {}: {}", operation, path, reason)};
}

}  // namespace narthex
