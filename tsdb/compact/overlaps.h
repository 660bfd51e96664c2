// SPDX-License-Identifier: Apache-2.0
//
// Blocks that lie over each other in time, for the log.
#pragma once

#include <span>
#include <string>

#include "tsdb/block/meta.h"

namespace narthex::tsdb {

/// A line for each group of overlapping blocks: the range that they share, and each one's own. ""
/// when none overlap. @param blocks  by min time. Source: Prometheus tsdb.OverlappingBlocks.
std::string DescribeOverlaps(std::span<const BlockMeta* const> blocks);

}  // namespace narthex::tsdb
