// SPDX-License-Identifier: Apache-2.0
//
// JSON Web Tokens, by which a program tells a token server who it is. Source: RFC 7519, RFC 7515.
#pragma once

#include <string>
#include <vector>

#include "narthex/base/result.h"

namespace narthex::net {

/// What tells the server which key it is signed with; what is empty is not told.
struct JwtHeader {
  std::string key_id{};            // "kid"
  std::string x5t{};               // SHA-1 of the key's certificate, base64 for URLs.
  std::vector<std::string> x5c{};  // That certificate and those that vouch for it, base64.
};

/// A token signed with RSA and SHA-256 ("RS256").
/// @param claims       JSON
/// @param private_key  PEM
/// Errors: kInvalidArgument for what is no RSA key.
Result<std::string> SignJwt(const std::string& claims, const std::string& private_key,
                            const JwtHeader& header = {});

}  // namespace narthex::net
