// SPDX-License-Identifier: Apache-2.0
#include "src/server/version.h"

#include <fmt/format.h>

namespace narthex::server {
namespace {

constexpr const char* kVersion = NARTHEX_VERSION;

}  // namespace

std::string VersionText() {
  const web::BuildInfo build = BuildInformation();
  return fmt::format(
      "narthex, version {} (behaves as prometheus {})\n  build user:       {}\n"
      "  compiler:         {}\n",
      kVersion, build.version, build.build_user, build.go_version);
}

web::BuildInfo BuildInformation() {
  web::BuildInfo build;
  build.revision = std::string("narthex-") + kVersion;
  build.branch = "main";
  build.build_user = "narthex";
  build.go_version = "none (C++ " __VERSION__ ")";
  return build;
}

}  // namespace narthex::server
