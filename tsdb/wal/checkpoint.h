// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints: what is still needed of the oldest segments, written anew, so that those can go.
#pragma once

#include <functional>

#include "narthex/base/result.h"
#include "tsdb/wal/records.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb::wal {

/// What a checkpoint keeps.
struct CheckpointFilter {
  model::TimestampMs mint = 0;  // Samples, histograms and exemplars from here on.
  // Tombstones that end from here on; before mint when late samples still wait for their block.
  model::TimestampMs tombstones_mint = 0;
  /// Whether the record of a series is needed by anything after segment `last`.
  std::function<bool(WalRef ref, int last)> keep;
};

/// Writes checkpoint.`last` from the newest checkpoint and the segments up to `last`. Whole or not
/// at all. Errors: kIo, kCorruption.
Status WriteCheckpoint(Fs& fs, const std::string& wal_dir, int first, int last,
                       const CheckpointFilter& filter, const WalOptions& options);

/// The segments that a truncation may take: two thirds of the finished ones. @return the last of
/// them, or -1 when there is nothing to do
int LastToCheckpoint(int first, int last);

/// Removes work folders of checkpoints that were not finished.
Status RemoveUnfinishedCheckpoints(Fs& fs, const std::string& wal_dir);
/// Removes the checkpoints below `number`.
Status RemoveCheckpointsBefore(Fs& fs, const std::string& wal_dir, int number);

}  // namespace narthex::tsdb::wal
