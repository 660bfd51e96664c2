// SPDX-License-Identifier: Apache-2.0
//
// Series as encoded chunks: of a block, and of several parts of the database merged.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "narthex/storage/chunk_querier.h"
#include "tsdb/block/block.h"

namespace narthex::tsdb {

/// The selected series of a block, which the set keeps open, with the chunks of the closed range.
/// Errors: kCancelled, kCorruption.
Result<std::unique_ptr<storage::ChunkSeriesSet>> NewBlockChunkSet(
    std::shared_ptr<const Block> block, model::TimestampMs mint, model::TimestampMs maxt,
    std::span<const model::Matcher> matchers, std::size_t limit, const std::stop_token& stop);

/// Several sets as one. Where samples have the same time, the later set's stays.
/// @param limit  most series; 0 = all
std::unique_ptr<storage::ChunkSeriesSet> MergeChunkSets(
    std::vector<std::unique_ptr<storage::ChunkSeriesSet>> sets, std::size_t limit);

}  // namespace narthex::tsdb
