// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace narthex::testing {

/// A fresh folder below the system's temporary one; removed with all that is in it at the end.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace narthex::testing
