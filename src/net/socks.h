// SPDX-License-Identifier: Apache-2.0
//
// The client's side of SOCKS5 (RFC 1928), with a password if need be (RFC 1929).
#pragma once

#include <cstdint>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "narthex/base/result.h"
#include "narthex/net/url.h"
#include "src/net/connection.h"

namespace narthex::net {

/// Asks the proxy at the other end of `connection` to lead on to this host, whose name it looks up.
/// Errors: those of reading and writing; kUnavailable "socks connect tcp PROXY->HOST: …".
boost::asio::awaitable<Status> OpenSocksTunnel(Connection& connection, const Url& proxy,
                                               const std::string& host, std::uint16_t port);

}  // namespace narthex::net
