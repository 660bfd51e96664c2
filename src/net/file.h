// SPDX-License-Identifier: Apache-2.0
//
// Reads the small files that settings name: passwords, tokens, certificates.
#pragma once

#include <string>

#include "narthex/base/result.h"

namespace narthex::net {

/// Errors: kIo "open F: no such file or directory"; kInvalidArgument above 4 MiB.
Result<std::string> ReadSmallFile(const std::string& path);

/// What a person wrote into it: without white space around it. Errors: as above.
Result<std::string> ReadTrimmedFile(const std::string& path);

}  // namespace narthex::net
