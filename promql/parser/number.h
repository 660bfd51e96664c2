// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "narthex/base/result.h"

namespace narthex::promql {

/// The value of a number token: an integer by Go's base prefixes (0x1F, 010 is eight) when it is
/// one that fits 64 bits, else a float. Errors: kInvalidArgument, "invalid syntax" or "value out of
/// range".
Result<double> ParseNumberText(std::string_view text);

}  // namespace narthex::promql
