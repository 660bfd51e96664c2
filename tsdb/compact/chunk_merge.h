// SPDX-License-Identifier: Apache-2.0
//
// The chunks of one series from several blocks as one run of chunks that do not overlap.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/chunk_querier.h"
#include "tsdb/block/tombstones.h"
#include "tsdb/chunkenc/chunk.h"
#include "tsdb/compact/sample_run.h"

namespace narthex::tsdb {

/// A chunk to be merged. Later ones win where samples have the same time.
struct MergeInput {
  ChunkView chunk;
  std::span<const Interval> deleted;  // Samples of this chunk that count no more.
  bool recode = false;   // Not to be passed on as it is, but in an encoding that all readers know.
  std::size_t rank = 0;  // Set by Merge: its place in the list.
};

/// Collects what becomes of a series' chunks; views of new chunks live until the next Merge.
/// Thread safety: one thread.
class ChunkMerger {
 public:
  /// @param encodings  of new chunks
  /// @param keep_starts  false: new chunks have no start times
  explicit ChunkMerger(RunEncodings encodings = {}, bool keep_starts = true)
      : encodings_(encodings), keep_starts_(keep_starts) {}

  /// Chunks that overlap no other are passed on as they are, equal ones once. Overlapping ones are
  /// decoded, merged and cut as `cut` says; of one with deleted samples becomes one without them.
  /// Errors: kCorruption.
  Status Merge(std::vector<MergeInput> inputs, ChunkCut cut = ChunkCut::kBySamples);
  std::span<const ChunkView> chunks() const { return views_; }

 private:
  Status MergeGroup(std::span<const MergeInput> group, ChunkCut cut);

  const RunEncodings encodings_;
  const bool keep_starts_;
  std::vector<ChunkView> views_;
  std::deque<std::string> owned_;  // Bytes of new chunks; a deque never moves them.
};

/// Merges a series' chunks for readers outside, who know only the encodings without start times.
/// `out` is replaced.
Status MergeForReaders(std::vector<MergeInput> inputs, std::vector<storage::EncodedChunk>& out,
                       ChunkCut cut = ChunkCut::kBySamples);

}  // namespace narthex::tsdb
