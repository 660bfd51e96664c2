// SPDX-License-Identifier: Apache-2.0
//
// The composition root: builds the parts, wires them, runs them and stops them in order.
#pragma once

#include "src/server/flags.h"

namespace narthex::server {

/// Runs the server until SIGTERM, SIGINT or POST /-/quit. SIGHUP reloads the configuration.
/// Call once, from the main thread, before any other thread exists.
/// @return the exit code: 0 after an orderly stop, 1 when the server could not start
int RunServer(ServerFlags flags);

}  // namespace narthex::server
