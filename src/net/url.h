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

/// A text that is meant to be a URL, without the password that may be in it.
std::string WithoutPassword(std::string_view text);

/// The URL that a Location header means, seen from `base`. Who may log in on the same host does so.
Result<Url> ResolveReference(const Url& base, const std::string& reference);

}  // namespace narthex::net
