// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/environment.h"

#include <cstdlib>

namespace narthex::net {

std::string ProcessEnvironment(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets any.
  return value == nullptr ? "" : value;
}

}  // namespace narthex::net
