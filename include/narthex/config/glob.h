// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace narthex::config {

/// Paths that exist and match a pattern of *, ? and [...], sorted; hidden files count (Go's
/// filepath.Glob). A pattern without wildcards names itself when it exists.
std::vector<std::string> Glob(const std::string& pattern);

}  // namespace narthex::config
