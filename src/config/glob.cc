// SPDX-License-Identifier: Apache-2.0
#include "narthex/config/glob.h"

#include <glob.h>

namespace narthex::config {

std::vector<std::string> Glob(const std::string& pattern) {
  std::vector<std::string> paths;
  glob_t found{};
  if (::glob(pattern.c_str(), GLOB_PERIOD, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) {
      const std::string path = found.gl_pathv[i];
      if (path.ends_with("/.") || path.ends_with("/..") || path == "." || path == "..") continue;
      paths.push_back(path);
    }
  }
  ::globfree(&found);
  return paths;
}

}  // namespace narthex::config
