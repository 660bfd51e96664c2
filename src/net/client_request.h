// SPDX-License-Identifier: Apache-2.0
//
// The request as text: headers, credentials.
#pragma once

#include <string>
#include <string_view>

#include "narthex/net/http_client.h"

namespace narthex::net {

/// What the options and files say now about credentials: the value of Authorization, or "".
/// Errors: kIo when a file can't be read, in Prometheus's words.
Result<std::string> AuthorizationValue(const HttpClientOptions& options);

/// Appends the line. Errors: kInvalidArgument for what can't be in a header.
Status AppendHeader(std::string_view name, std::string_view value, std::string& out);

/// @param url               where it goes: the request's, or that of a redirect
/// @param proxy             null, or the proxy that gets the request: the line has the whole URL
/// @param with_credentials  off for a host that a redirect named
/// Errors: kInvalidArgument for what can't be in a header, kIo for credentials.
Result<std::string> RequestText(const HttpClientOptions& options, const ClientRequest& request,
                                const std::string& method, const Url& url, const Url* proxy,
                                bool with_credentials, bool with_body);

std::string Base64(const std::string& bytes);
/// For URLs: "-" and "_", nothing at the end.
std::string UrlBase64(const std::string& bytes);

}  // namespace narthex::net
