// SPDX-License-Identifier: Apache-2.0
//
// The late samples of the head in a time range as the content of a block.
#pragma once

#include <memory>
#include <vector>

#include "tsdb/block/block_writer.h"
#include "tsdb/compact/chunk_merge.h"
#include "tsdb/head/head_state.h"
#include "tsdb/postings.h"

namespace narthex::tsdb {

/// See BlockSource. The head outlives it, and appends go on meanwhile.
class OooBlockSource final : public BlockSource {
 public:
  /// The samples with mint ≤ t < maxt in full chunks up to `last`.
  OooBlockSource(const HeadState& head, ChunkPlace last, model::TimestampMs mint,
                 model::TimestampMs maxt);

  Status Symbols(const SymbolSink& add) override;
  Result<bool> Next() override;
  const model::Labels& labels() const override { return labels_; }
  std::span<const ChunkView> chunks() const override { return merger_.chunks(); }

 private:
  const HeadState& head_;
  const ChunkPlace last_;
  std::vector<Interval> unwanted_;  // Of one series: deleted, or outside the range.
  const model::TimestampMs mint_;
  const model::TimestampMs last_time_;
  // Keeps labels and slots alive. Its own range is empty, so that no truncation waits for it.
  std::shared_ptr<const Isolation::Reader> reader_;
  std::shared_ptr<const ChunkFiles::View> files_;
  PostingList ids_;
  std::size_t next_ = 0;
  OooSeries series_;
  ChunkMerger merger_;
  model::Labels labels_;
};

/// The starts of the aligned ranges of `width` in which full chunks up to `last` have samples,
/// rising. Errors: kCorruption.
Result<std::vector<model::TimestampMs>> OooRanges(const HeadState& head, ChunkPlace last,
                                                  model::DurationMs width);

}  // namespace narthex::tsdb
