// SPDX-License-Identifier: Apache-2.0
//
// Restores the agent's series, and how far they have come, from the log.
#pragma once

#include "narthex/base/result.h"
#include "tsdb/agent/agent_state.h"

namespace narthex::tsdb {

/// Reads the newest checkpoint and the segments behind it, repairs a corrupt segment, and opens the
/// log for writing. Before anybody else uses the state.
/// Errors: kCorruption in a checkpoint; kIo; kInvalidArgument.
Result<ReplayedLog> ReplayAgentLog(AgentState& state);

}  // namespace narthex::tsdb
