// SPDX-License-Identifier: Apache-2.0
#include "src/server/config_digest.h"

#include <string>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/config/glob.h"

namespace narthex::server {
namespace {

/// One hash for each part, so that no two lists of parts look alike, and no file is held longer
/// than its turn.
void AddHash(std::string_view bytes, std::string& digest) {
  const Hash128 hash = HashBytes128(bytes);
  digest.append(reinterpret_cast<const char*>(&hash), sizeof hash);
}

void AddFiles(const std::vector<std::string>& patterns, std::string& digest) {
  for (const std::string& pattern : patterns) {
    AddHash(pattern, digest);
    for (const std::string& path : config::Glob(pattern)) {
      AddHash(path, digest);
      const auto text = SystemFs().ReadFile(path);
      AddHash(text ? "readable" : "not readable", digest);
      if (text) AddHash(*text, digest);
    }
  }
}

}  // namespace

Hash128 DigestConfiguration(std::string_view text, const config::Config& config) {
  std::string digest;
  AddHash(text, digest);
  AddFiles(config.rule_files, digest);
  AddFiles(config.scrape_config_files, digest);
  return HashBytes128(digest);
}

}  // namespace narthex::server
