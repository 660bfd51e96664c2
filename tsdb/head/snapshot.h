// SPDX-License-Identifier: Apache-2.0
//
// The head written out on a clean stop and read back on the next start, so that no log is replayed.
// An accelerator only: WAL, checkpoints and chunks_head stay complete without it, and it is dropped
// when anything that it stands on has changed. See docs/decisions/0004-head-snapshot.md.
#pragma once

#include <string>

#include <absl/container/flat_hash_map.h>

#include "tsdb/head/head_state.h"

namespace narthex::tsdb {

/// Writes the snapshot of a head whose files are closed. Without one the next start replays, so a
/// failure is logged and not an error.
/// @param covered_until  up to where blocks cover the WAL; older samples are in blocks only
/// @param removed        log numbers that no series has any more; see Head
void WriteSnapshot(HeadState& head, model::TimestampMs covered_until,
                   const absl::flat_hash_map<wal::WalRef, model::TimestampMs>& removed);

/// Fills an empty head from the snapshot and opens the WAL, or leaves the head empty. A snapshot
/// that can't be used is named in the log with the reason. It is removed in any case, because the
/// files move on from here.
/// @return whether the head is loaded
Result<bool> LoadSnapshot(HeadState& head, model::TimestampMs covered_until,
                          absl::flat_hash_map<wal::WalRef, model::TimestampMs>& removed);

/// Why the head can't be written out now; empty when it can.
std::string ReasonAgainstSnapshot(const HeadState& head);

/// What a snapshot stands on, a fact per line: program, options, files of the log and of
/// chunks_head with their sizes. Errors: kIo.
Result<std::string> SnapshotBase(const HeadState& head, model::TimestampMs covered_until);

/// The file's name in the data folder.
inline constexpr const char* kSnapshotName = "head_snapshot";

}  // namespace narthex::tsdb
