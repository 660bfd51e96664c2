// SPDX-License-Identifier: Apache-2.0
//
// Where a redirect leads and what goes along, by the rules of Go's net/http.
#pragma once

#include <string>

#include "src/net/client_request.h"
#include "src/net/url.h"

namespace narthex::net {

/// Whether the answer to a request sends it on when it has a Location.
bool IsRedirect(int status);

/// Makes the request's hop the next one.
/// @param first     of the whole request: which host may see credentials, and what errors call it
/// @param location  not empty
/// @param number    of the redirect, from 1
/// Errors: for a location that is no URL or of another scheme, and after too many redirects.
Status FollowRedirect(const ClientRequest& first, int status, const std::string& location,
                      int number, RequestHop& hop);

}  // namespace narthex::net
