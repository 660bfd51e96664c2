// SPDX-License-Identifier: Apache-2.0
//
// Errors of requests as Go's net/http says them: users know them.
#pragma once

#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/net/url.h"

namespace narthex::net {

/// `Get "http://h/p": why`. @param url  as text, without a password
Error UrlError(const std::string& method, std::string_view url, const Error& why);

/// The scheme of a URL, in lower case; "" when it has none.
std::string SchemeOf(std::string_view url);

Error UnsupportedScheme(const std::string& scheme);

}  // namespace narthex::net
