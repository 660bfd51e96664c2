// SPDX-License-Identifier: Apache-2.0
//
// Files of a folder that the operator shows: nothing leads out of it.
#pragma once

#include <string>
#include <string_view>

#include "narthex/base/result.h"

namespace narthex::web {

struct FolderEntry {
  std::string path;
  bool is_folder = false;
};

/// @param name  what to find below the folder, with a slash in front
/// Errors: kNotFound when there is nothing, or something that is neither file nor folder, or a link
/// that leads out of the folder; in the words of Go's net/http where it has some.
Result<FolderEntry> FindInFolder(const std::string& folder, const std::string& name);

/// What a text is, as browsers and Go's http.DetectContentType tell it by how it begins. Formats
/// that are not text have no names of their own here.
std::string_view SniffContentType(std::string_view text);

}  // namespace narthex::web
