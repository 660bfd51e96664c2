// SPDX-License-Identifier: Apache-2.0
//
// A folder for the time of one command.
#pragma once

#include <string>

#include "narthex/base/result.h"

namespace narthex::cli {

/// Removed with all that is in it when the object goes.
class TempFolder {
 public:
  /// Creates a folder that only this user can read. @param parent  "" = the system's folder for
  /// temporary files. Errors: kIo.
  static Result<TempFolder> Create(const std::string& parent = {});
  ~TempFolder();
  TempFolder(TempFolder&& other) noexcept;
  TempFolder& operator=(TempFolder&&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit TempFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace narthex::cli
