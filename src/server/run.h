// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/server/flags.h"

namespace narthex::server {

/// Runs the server, or the agent when the flags say so, until SIGTERM, SIGINT or POST /-/quit.
/// SIGHUP reloads the configuration.
/// Call once, from the main thread, before any other thread exists.
/// @return the exit code: 0 after an orderly stop, 1 when it could not start
int Run(ServerFlags flags);

}  // namespace narthex::server
