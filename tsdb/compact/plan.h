// SPDX-License-Identifier: Apache-2.0
//
// Which blocks to compact next. Source: Prometheus LeveledCompactor.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "narthex/model/timestamp.h"
#include "narthex/tsdb/db.h"
#include "tsdb/block/meta.h"

namespace narthex::tsdb {

/// Lengths of blocks by level: min, 3·min, 9·min, … up to ten, none longer than max; at least
/// {min}.
std::vector<model::DurationMs> BlockRanges(model::DurationMs min, model::DurationMs max);

/// Indexes of the blocks to make one of (or to rewrite, when it is only one), by min time; empty
/// when there is nothing to do. `ranges` from BlockRanges.
/// @param merge_overlapping  whether blocks that overlap in time are merged before all others
std::vector<std::size_t> PlanCompaction(std::span<const BlockMeta* const> blocks,
                                        std::span<const model::DurationMs> ranges,
                                        bool merge_overlapping = true);

}  // namespace narthex::tsdb
