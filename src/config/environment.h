// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace narthex::config {

/// Replaces $name and ${name} by environment variables, with the grammar of Go's os.Expand; "$$"
/// is a dollar. A variable that is not set or empty gives nothing, and a warning is logged.
std::string ExpandEnvironment(std::string_view text);

}  // namespace narthex::config
