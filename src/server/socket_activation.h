// SPDX-License-Identifier: Apache-2.0
//
// Sockets that somebody else listens on, and hands over at the start: systemd's socket units.
#pragma once

#include <vector>

#include "narthex/base/result.h"

namespace narthex::server {

/// The descriptors that LISTEN_PID and LISTEN_FDS tell of, closed for children. The variables are
/// removed, so that children do not take them for theirs either; so this comes before any thread.
/// Names (LISTEN_FDNAMES) do not count.
/// @param first  number of the first descriptor; other than 3 for tests only
/// Errors: kNotFound when there are none; kInvalidArgument. Source: sd_listen_fds(3).
Result<std::vector<int>> TakeActivatedSockets(int first = 3);

}  // namespace narthex::server
