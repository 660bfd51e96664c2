// SPDX-License-Identifier: Apache-2.0
//
// Tunnels through HTTP proxies (RFC 9110, CONNECT).
#pragma once

#include <boost/asio/awaitable.hpp>

#include "narthex/base/result.h"
#include "narthex/net/http_client.h"
#include "narthex/net/url.h"
#include "src/net/connection.h"

namespace narthex::net {

/// Asks the proxy at the other end of `connection` to lead on to the target.
/// @param headers  of the request for it; the proxy's password goes with them unless they have one
/// Errors: those of reading and writing; kUnavailable with the proxy's reason.
boost::asio::awaitable<Status> OpenConnectTunnel(Connection& connection, const Url& proxy,
                                                 const Url& target, const Headers& headers);

}  // namespace narthex::net
