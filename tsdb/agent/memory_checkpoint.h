// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints made of what the agent has in memory, without a look at the log.
#pragma once

#include "narthex/base/result.h"
#include "tsdb/agent/agent_state.h"

namespace narthex::tsdb {

/// Writes checkpoint.`last`: each series with a sample (of value 0) at the time of its last one, so
/// that a replay finds it, then those of `deleted` that the log behind `last` needs. Nothing
/// removes series meanwhile. Errors: kIo. Source: Prometheus agent.Checkpoint.
Status WriteMemoryCheckpoint(const AgentState& state, const DeletedSeriesMap& deleted, int last);

}  // namespace narthex::tsdb
