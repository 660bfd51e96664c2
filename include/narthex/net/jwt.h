// SPDX-License-Identifier: Apache-2.0
//
// JSON Web Tokens, by which a program tells a token server who it is. Source: RFC 7519, RFC 7515.
#pragma once

#include <string>

#include "narthex/base/result.h"

namespace narthex::net {

/// A token signed with RSA and SHA-256 ("RS256").
/// @param claims       JSON
/// @param private_key  PEM
/// @param key_id       of the key; "" = none is told
/// Errors: kInvalidArgument for what is no RSA key.
Result<std::string> SignJwt(const std::string& claims, const std::string& private_key,
                            const std::string& key_id);

}  // namespace narthex::net
