// SPDX-License-Identifier: Apache-2.0
#include "src/cli/temp_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fmt/core.h>

namespace narthex::cli {

Result<TempFolder> TempFolder::Create(const std::string& parent) {
  std::error_code error;
  const std::filesystem::path root =
      parent.empty() ? std::filesystem::temp_directory_path(error) : std::filesystem::path(parent);
  std::string path = (root / "narthex-XXXXXX").string();
  if (error || ::mkdtemp(path.data()) == nullptr) {
    const std::string reason = error ? error.message() : std::strerror(errno);
    return Fail(Code::kIo,
                fmt::format("setting up a temporary folder in {}: {}", root.string(), reason));
  }
  return TempFolder(std::move(path));
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

TempFolder::TempFolder(TempFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

}  // namespace narthex::cli
