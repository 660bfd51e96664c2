// SPDX-License-Identifier: Apache-2.0
//
// The series of several blocks as one stream, without what was deleted.
#pragma once

#include <memory>
#include <span>

#include "narthex/base/result.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_writer.h"

namespace narthex::tsdb {

/// The blocks outlive the source. Errors: kCorruption, naming the block.
/// @param xor2  overlapping chunks of floats become XOR2 chunks
Result<std::unique_ptr<BlockSource>> NewMergeSource(
    std::span<const std::shared_ptr<const Block>> blocks, bool xor2 = false);

}  // namespace narthex::tsdb
