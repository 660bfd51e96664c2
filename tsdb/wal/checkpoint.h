// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints: what is still needed of the oldest segments, written anew, so that those can go.
#pragma once

#include <atomic>
#include <functional>

#include "narthex/base/result.h"
#include "tsdb/wal/records.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb::wal {

/// What a checkpoint keeps.
struct CheckpointFilter {
  model::TimestampMs mint = 0;       // Samples, histograms and exemplars from here on.
  model::TimestampMs late_mint = 0;  // Deletions that end from here on.
  bool start_times = false;          // Samples are written with their start times; else without.
  /// Whether the record of a series is needed.
  std::function<bool(WalRef ref)> keep;
  const std::atomic<bool>* stop = nullptr;  // Set = give up. Null: never.
};

/// Makes the folder checkpoint.`number` of the records that `write` puts into its log. Whole or not
/// at all: one that is there already stays until the new one is complete. Errors: those of `write`;
/// kIo.
Status WriteCheckpointFolder(Fs& fs, const std::string& wal_dir, int number,
                             const WalOptions& options,
                             const std::function<Status(Wal& out)>& write);

/// Writes checkpoint.`last` from the newest checkpoint and the segments up to `last`. Whole or not
/// at all. A record that does not decode is named in the log of the program and left out.
/// @return how many of those there were. Errors: kIo, kCorruption, kCancelled.
Result<std::size_t> WriteCheckpoint(Fs& fs, const std::string& wal_dir, int first, int last,
                                    const CheckpointFilter& filter, const WalOptions& options);

/// The segments that a truncation may take: two thirds of the finished ones. @return the last of
/// them, or -1 when there is nothing to do
int LastToCheckpoint(int first, int last);

/// Removes work folders of checkpoints that were not finished.
Status RemoveUnfinishedCheckpoints(Fs& fs, const std::string& wal_dir);
/// Removes the checkpoints below `number`.
Status RemoveCheckpointsBefore(Fs& fs, const std::string& wal_dir, int number);

}  // namespace narthex::tsdb::wal
