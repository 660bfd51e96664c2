// SPDX-License-Identifier: Apache-2.0
//
// Makes one block of several, or rewrites one without what was deleted from it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/block/meta.h"

namespace narthex::tsdb {

using BlockPtr = std::shared_ptr<const Block>;

/// Streams the series of the inputs, merged, into the block `ulid` beside them. The inputs stay;
/// they are its parents, which a reload deletes. When no sample is left there is no block, and the
/// inputs are marked deletable in their meta.json. A failure marks them failed, so that the planner
/// leaves them alone (not when cancelled). Where samples have the same time, the later input's
/// stays; so pass them by age. Errors: kIo, kCorruption, kCancelled.
Result<std::optional<BlockMeta>> CompactBlocks(Fs& fs, const std::string& db_dir,
                                               std::span<const BlockPtr> inputs,
                                               const std::string& ulid,
                                               const BlockWriteOptions& options);

/// Rewrites a block that has tombstones without the deleted samples: a level-1 block with the old
/// one as parent (clean_tombstones). When no sample is left there is no block, and the input is
/// marked deletable. A failure leaves the input as it is. Errors as above.
Result<std::optional<BlockMeta>> CleanBlock(Fs& fs, const std::string& db_dir,
                                            const BlockPtr& input, const std::string& ulid,
                                            const BlockWriteOptions& options);

}  // namespace narthex::tsdb
