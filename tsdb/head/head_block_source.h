// SPDX-License-Identifier: Apache-2.0
//
// A time range of the head as the content of a block.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "tsdb/block/block_writer.h"
#include "tsdb/head/chunk_reader.h"
#include "tsdb/postings.h"

namespace narthex::tsdb {

/// See BlockSource. The head outlives it, and appends go on meanwhile: series that come later are
/// not in it.
class HeadBlockSource final : public BlockSource {
 public:
  /// The samples with mint ≤ t < maxt.
  /// @param reader    keeps labels and slots alive
  /// @param isolated  whether only what the reader sees is taken
  /// @param only      these series; all when there is no list
  HeadBlockSource(const HeadState& head, std::shared_ptr<const Isolation::Reader> reader,
                  model::TimestampMs mint, model::TimestampMs maxt, bool isolated,
                  std::optional<PostingList> only = std::nullopt);

  Status Symbols(const SymbolSink& add) override;
  Result<bool> Next() override;
  const model::Labels& labels() const override { return labels_; }
  std::span<const ChunkView> chunks() const override { return chunks_; }

 private:
  const HeadState& head_;
  const model::TimestampMs mint_;
  const model::TimestampMs maxt_;
  const std::shared_ptr<const Isolation::Reader> reader_;
  const bool isolated_;
  PostingList ids_;
  std::size_t next_ = 0;
  ChunkReader chunk_reader_;
  model::Labels labels_;
  std::vector<ChunkView> chunks_;
};

/// Passes the label names and values of the series to `add`, sorted. The caller keeps the series
/// alive.
void AddSymbols(const HeadIndex& index, const PostingList& ids, const BlockSource::SymbolSink& add);

}  // namespace narthex::tsdb
