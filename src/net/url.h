// SPDX-License-Identifier: Apache-2.0
//
// Parts of URL handling that only this room needs.
#pragma once

#include <string>
#include <string_view>

#include "narthex/net/url.h"

namespace narthex::net {

/// @return false on a bad escape; `out` then holds what came before it
bool PercentDecode(std::string_view text, bool plus_is_space, std::string& out);

/// Host and port as the Host header has them.
std::string Authority(const Url& url);

/// The URL that a Location header means, seen from `base`.
Result<Url> ResolveReference(const Url& base, const std::string& reference);

}  // namespace narthex::net
