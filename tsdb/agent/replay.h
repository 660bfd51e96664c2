// SPDX-License-Identifier: Apache-2.0
//
// Restores the agent's series, and how far they have come, from the log.
#pragma once

#include "narthex/base/result.h"
#include "tsdb/agent/agent_state.h"

namespace narthex::tsdb {

/// Reads the newest checkpoint and the segments behind it, repairs a corrupt segment, and opens the
/// log for writing. Before anybody else uses the state.
/// @param[out] deleted  the numbers that the log has for a series beside its first one
/// Errors: kCorruption in a checkpoint; kIo; kInvalidArgument.
Status ReplayAgentLog(AgentState& state, DeletedSeriesMap& deleted);

}  // namespace narthex::tsdb
