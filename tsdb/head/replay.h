// SPDX-License-Identifier: Apache-2.0
//
// From the files back into memory: chunks_head, the newest checkpoint, the WAL segments after it.
#pragma once

#include <atomic>

#include <absl/container/flat_hash_map.h>

#include "tsdb/head/head_state.h"

namespace narthex::tsdb {

/// How far replay has come, in segment numbers. Thread safety: any thread.
struct ReplayCursor {
  std::atomic<int> min{0};
  std::atomic<int> max{0};
  std::atomic<int> current{0};
};

/// Fills an empty head. A corrupt segment is repaired: what is before the bad bytes stays.
/// @param min_valid_time  samples before it are left out
/// @param[out] extra_refs  log numbers of series that a later record names again, with the last
///                         segment that may use them
/// Errors: kIo; kCorruption where repair would lose more than a torn tail (checkpoints).
Status ReplayHead(HeadState& head, model::TimestampMs min_valid_time, ReplayCursor& progress,
                  absl::flat_hash_map<wal::WalRef, int>& extra_refs);

}  // namespace narthex::tsdb
