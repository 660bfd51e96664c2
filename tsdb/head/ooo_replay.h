// SPDX-License-Identifier: Apache-2.0
//
// From the WBL and chunks_head back into the store of late samples.
#pragma once

#include <span>

#include "tsdb/head/head_state.h"
#include "tsdb/head/ref_map.h"

namespace narthex::tsdb {

/// A chunk of late samples in chunks_head.
struct FoundOooChunk {
  wal::WalRef ref = 0;
  OooChunk chunk;
};

/// Fills the empty store, after the WAL was read, and opens the WBL when there is a window or an
/// old WBL. A corrupt segment is repaired: what is before the bad bytes stays.
/// @param slots  of the series that the WAL named
/// @param found  in the order of writing
/// Errors: kIo.
Status ReplayWbl(HeadState& head, const RefMap& slots, std::span<const FoundOooChunk> found);

}  // namespace narthex::tsdb
