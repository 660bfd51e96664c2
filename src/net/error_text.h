// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace narthex::net {

/// An errno in Go's words, which are the C library's in lower case: "connection refused".
std::string ErrnoText(int error);

}  // namespace narthex::net
