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

/// One request of those that redirects make of it.
struct RequestHop {
  std::string method;
  Url url{};
  bool with_credentials = true;  // Off for a host that a redirect named, and from there on.
  bool with_body = true;
  std::string referer{};  // "" = none.
};

/// @param proxy  null, or the proxy that gets the request: the line has the whole URL
/// Errors: kInvalidArgument for what can't be in a header, kIo for credentials.
Result<std::string> RequestText(const HttpClientOptions& options, const ClientRequest& request,
                                const RequestHop& hop, const Url* proxy);

std::string Base64(const std::string& bytes);
/// For URLs: "-" and "_", nothing at the end.
std::string UrlBase64(const std::string& bytes);

}  // namespace narthex::net
