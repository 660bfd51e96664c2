// SPDX-License-Identifier: Apache-2.0
//
// Absolute http and https URLs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/result.h"

namespace narthex::net {

/// An absolute http or https URL in parts.
struct Url {
  std::string scheme;       // "http" or "https", lower case.
  std::string host;         // Without brackets.
  std::uint16_t port = 80;  // The scheme's default when the text has none.
  std::string target;       // Path and query, at least "/".
  std::string userinfo;     // "user:password" decoded, may be empty.
  std::string authority;    // Host and port as written, for the Host header; "" = made from them.
};

/// Errors: kInvalidArgument in the wording of Go's net/url: parse "x": unsupported protocol scheme.
/// A password in the text is not in the message.
Result<Url> ParseUrl(const std::string& text);

/// As ParseUrl; of a URL that can't be asked for the error is the request's: `Get "ftp://x":
/// unsupported protocol scheme "ftp"`.
Result<Url> ParseRequestUrl(const std::string& method, const std::string& text);

/// The URL as text, a password replaced by "xxxxx".
std::string FormatUrl(const Url& url);

/// The first "%" that begins no escaped byte, with what follows, in quotes; "" when there is none.
std::string BadEscape(std::string_view text);

/// A name or value for a query or a form, as Go's url.QueryEscape: blanks become "+".
std::string EscapeQuery(std::string_view text);

}  // namespace narthex::net
