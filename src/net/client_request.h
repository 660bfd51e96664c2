// SPDX-License-Identifier: Apache-2.0
//
// The request as text: headers, credentials.
#pragma once

#include <string>

#include "narthex/net/http_client.h"

namespace narthex::net {

/// What the options and files say now about credentials: the value of Authorization, or "".
/// Errors: kIo when a file can't be read, in Prometheus's words.
Result<std::string> AuthorizationValue(const HttpClientOptions& options);

/// @param url               where it goes: the request's, or that of a redirect
/// @param absolute          the request line has the whole URL, for a proxy
/// @param with_credentials  off for a host that a redirect named
/// Errors: kInvalidArgument for what can't be in a header, kIo for credentials.
Result<std::string> RequestText(const HttpClientOptions& options, const ClientRequest& request,
                                const std::string& method, const Url& url, bool absolute,
                                bool with_credentials, bool with_body);

std::string Base64(const std::string& bytes);

}  // namespace narthex::net
