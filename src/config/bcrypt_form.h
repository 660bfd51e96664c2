// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "narthex/base/result.h"

namespace narthex::config {

/// Whether a text can be a bcrypt hash, by length, version and cost. Errors: kInvalidArgument with
/// the words of Go's x/crypto/bcrypt; never with the text itself, which may be a password.
Status CheckBcryptForm(std::string_view hash);

}  // namespace narthex::config
