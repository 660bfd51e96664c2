// SPDX-License-Identifier: Apache-2.0
//
// The file that says how far each shard of a queue has come, also after a kill.
// Format: docs/formats/remote_write.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/mutex.h"
#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "src/remote/batch.h"

namespace narthex::remote {

struct ShardPosition {
  Mark mark;  // What is before it and of this shard was sent or dropped.
  /// Where the request ends that is on its way, else not behind `mark`. It may have arrived: what
  /// is sent again ends there too, as a server that refuses a sample for being there already may
  /// refuse all others of its request.
  Mark sending;
  model::TimestampMs highest = 0;  // The latest time that was sent.
  bool operator==(const ShardPosition&) const = default;
};

/// Thread safety: any thread, but Load and Reset by one alone.
class PositionFile final {
 public:
  PositionFile(Fs& fs, std::string path) : fs_(fs), path_(std::move(path)) {}

  /// What the file says, a position for each shard; nullopt when there is none. A shard whose line
  /// is damaged is where the first of the others is. Errors: kCorruption, kIo.
  Result<std::optional<std::vector<ShardPosition>>> Load();
  /// Writes the file anew, whole or not at all; for another number of shards.
  Status Reset(std::vector<ShardPosition> positions);
  /// A shard has come further. A position that the file has already costs nothing.
  Status Save(std::size_t shard, ShardPosition position);
  /// A request that ends at `sending` is about to go.
  Status SaveSending(std::size_t shard, const Mark& sending);

  std::vector<ShardPosition> positions() const;
  const std::string& path() const { return path_; }

 private:
  Status WriteLine(std::size_t shard) NX_REQUIRES(mutex_);
  Status WriteAll() NX_REQUIRES(mutex_);

  Fs& fs_;
  const std::string path_;
  mutable Mutex mutex_;  // Leaf.
  std::vector<ShardPosition> positions_ NX_GUARDED_BY(mutex_);
  std::unique_ptr<WritableFile> file_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::remote
