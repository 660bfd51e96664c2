// SPDX-License-Identifier: Apache-2.0
//
// Paths with wildcards: what the configuration allows, and which files they name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace narthex::config {

/// ^[^*]*(\*[^/]*)?$ : a star only in the last part.
bool IsRulePath(std::string_view path);
/// As above, and it ends in .json, .yml or .yaml.
bool IsFileDiscoveryPath(std::string_view path);

/// Folder part of a path as Go's filepath.Dir; "." when there is none.
std::string FolderOf(std::string_view path);
/// A relative, non-empty path joined with the folder.
std::string Anchored(std::string_view folder, std::string_view path);

}  // namespace narthex::config
