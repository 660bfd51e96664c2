// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "narthex/base/result.h"

namespace narthex::net {

/// The head of a response in the strict form that parsers agree about: home-made exporters write
/// what Go's client takes, as folded lines and names with blanks (which are left out).
/// Errors: kInvalidArgument in the words of Go's net/http.
Result<std::string> PlainResponseHead(std::string_view head);

}  // namespace narthex::net
