// SPDX-License-Identifier: Apache-2.0
//
// Host name lookups that nobody has to wait for.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "narthex/base/result.h"

namespace narthex::net {

/// Lookups run on a few threads of the process, so that names whose servers are silent hold up
/// neither an I/O thread nor the lookups of its other connections.
/// @param deadline  when to stop waiting
/// @param wait      holds the timer that is waited on; cancelling it ends the wait
/// @return the addresses; kTimeout when the wait ended first; kUnavailable "lookup h: no such host"
boost::asio::awaitable<Result<std::vector<boost::asio::ip::address>>> LookUp(
    std::string host, std::chrono::steady_clock::time_point deadline,
    std::shared_ptr<boost::asio::steady_timer>& wait);

}  // namespace narthex::net
