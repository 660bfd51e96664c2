// SPDX-License-Identifier: Apache-2.0
//
// Which blocks have outlived their time or the space they may take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "narthex/model/timestamp.h"

namespace narthex::tsdb {

struct RetainedBlock {
  model::TimestampMs max_time = 0;
  std::uint64_t size_bytes = 0;
};

/// Indexes of the blocks that end `retention` or more before the newest block does; the clock plays
/// no part. 0 = keep all. Source: Prometheus BeyondTimeRetention.
std::vector<std::size_t> BeyondTimeRetention(std::span<const RetainedBlock> blocks,
                                             model::DurationMs retention);

/// Indexes of the blocks to delete, oldest first in time, so that what is left and `other_bytes`
/// (WAL, WBL, head chunks) fit into `limit_bytes`. 0 = keep all. Source: Prometheus
/// BeyondSizeRetention.
std::vector<std::size_t> BeyondSizeRetention(std::span<const RetainedBlock> blocks,
                                             std::uint64_t other_bytes, std::uint64_t limit_bytes);

}  // namespace narthex::tsdb
