// SPDX-License-Identifier: Apache-2.0
#include "src/config/patterns.h"

#include <filesystem>

namespace narthex::config {

bool IsRulePath(std::string_view path) {
  const std::size_t star = path.find('*');
  return star == std::string_view::npos || path.find('/', star) == std::string_view::npos;
}

bool IsFileDiscoveryPath(std::string_view path) {
  if (!IsRulePath(path)) return false;
  for (const std::string_view end : {".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"}) {
    if (path.ends_with(end)) return true;
  }
  return false;
}

std::string FolderOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

std::string Anchored(std::string_view folder, std::string_view path) {
  if (path.empty() || path[0] == '/') return std::string(path);
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

}  // namespace narthex::config
