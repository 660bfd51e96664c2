// SPDX-License-Identifier: Apache-2.0
//
// Environment variables by which clouds' own programs are told who they are; tests have their own.
#pragma once

#include <functional>
#include <string>

namespace narthex::net {

/// The value of an environment variable, "" when it is not set.
using Environment = std::function<std::string(const char* name)>;

/// Those of this process. Thread safety: any thread, as long as nobody sets one.
std::string ProcessEnvironment(const char* name);

}  // namespace narthex::net
