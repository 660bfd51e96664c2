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
/// A series that the log has under several numbers goes on with the newest one.
/// @param[out] extra_refs  its other numbers, and those of series that are gone, with the time of
///                         the last sample that the log may have under them
/// Errors: kIo; kCorruption where repair would lose more than a torn tail (checkpoints).
Status ReplayHead(HeadState& head, model::TimestampMs min_valid_time, ReplayCursor& progress,
                  absl::flat_hash_map<wal::WalRef, model::TimestampMs>& extra_refs);

}  // namespace narthex::tsdb
