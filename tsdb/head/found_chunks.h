// SPDX-License-Identifier: Apache-2.0
//
// What replay finds in chunks_head, by the numbers that series have in the log.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tsdb/head/head_state.h"
#include "tsdb/head/ooo_replay.h"

namespace narthex::tsdb {

/// A full chunk. There may be tens of millions.
struct FoundChunk {
  wal::WalRef ref;
  model::TimestampMs mint;
  model::TimestampMs maxt;
  std::uint32_t file : 24;
  std::uint32_t encoding : 8;
  std::uint32_t offset;
};
static_assert(sizeof(FoundChunk) == 32);

/// Thread safety: one thread.
class FoundChunks {
 public:
  /// Reads all of chunks_head. Chunks in order that end before `min_valid_time` are left out.
  /// Errors: kIo.
  Status Load(HeadState& head, model::TimestampMs min_valid_time);

  /// What is there under a number, in the order of writing.
  std::span<const FoundChunk> Of(wal::WalRef ref) const;
  const std::vector<FoundOooChunk>& late() const { return late_; }

 private:
  std::vector<FoundChunk> in_order_;  // By ref, then in the order of writing.
  std::vector<FoundOooChunk> late_;
};

}  // namespace narthex::tsdb
