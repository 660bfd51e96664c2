// SPDX-License-Identifier: Apache-2.0
//
// The head of an answer, off a connection.
#pragma once

#include <span>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "narthex/base/result.h"
#include "src/net/connection.h"
#include "src/net/http1.h"

namespace narthex::net {

/// Reads the head of the next answer, past interim ones.
/// @param scratch  room for one read
/// @param[in,out] unread  what was read before and not used; afterwards what came behind the head
/// Errors: those of reading; kUnavailable for an end or for what is no HTTP, in Go's words.
boost::asio::awaitable<Result<ResponseHead>> ReadResponseHead(Connection& connection,
                                                              std::span<char> scratch,
                                                              std::string& unread);

}  // namespace narthex::net
