// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <string_view>

#include "narthex/base/result.h"

namespace narthex {

/// What the system said of a file, in Go's form: "open PATH: no such file or directory". kNotFound
/// where there is none, else kIo.
/// @param error  of errno
Error SystemError(std::string_view operation, std::string_view path, int error);

}  // namespace narthex
