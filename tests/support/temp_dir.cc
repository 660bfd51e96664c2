// SPDX-License-Identifier: Apache-2.0
#include "tests/support/temp_dir.h"

#include <cstdlib>
#include <filesystem>

#include "narthex/base/check.h"

namespace narthex::testing {

TempDir::TempDir() {
  path_ = (std::filesystem::temp_directory_path() / "narthex-test-XXXXXX").string();
  NX_CHECK(mkdtemp(path_.data()) != nullptr, "no temporary folder");
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace narthex::testing
