// SPDX-License-Identifier: Apache-2.0
//
// The head's read side.
#pragma once

#include <memory>
#include <vector>

#include "narthex/storage/chunk_querier.h"
#include "narthex/storage/querier.h"
#include "tsdb/head/chunk_reader.h"
#include "tsdb/head/head_state.h"
#include "tsdb/postings.h"

namespace narthex::tsdb {

/// The head's posting lists. For use by a reader: see HeadIndex.
class HeadPostings final : public PostingsSource {
 public:
  explicit HeadPostings(const HeadIndex& index) : index_(index) {}
  Status All(PostingList& out) const override;
  Status OfValue(std::string_view name, std::string_view value, PostingList& out) const override;
  Status OfValues(std::string_view name, std::string_view prefix, const ValueFilter& keep,
                  PostingList& out) const override;
  Status OfEqual(std::span<const model::Matcher* const> equal, PostingList& out) const override;

 private:
  const HeadIndex& index_;
};

/// What a reader of the head wants, closed.
struct HeadRange {
  model::TimestampMs mint = 0;
  model::TimestampMs maxt = 0;
  model::TimestampMs in_order_from = 0;  // Samples in order from here on, late ones from mint on.
};

/// See storage::Querier. The head outlives it.
class HeadQuerier final : public storage::Querier {
 public:
  HeadQuerier(const HeadState& head, std::shared_ptr<const Isolation::Reader> reader,
              const HeadRange& range)
      : head_(head), reader_(std::move(reader)), range_(range) {}

  Result<std::unique_ptr<storage::SeriesSet>> Select(std::span<const model::Matcher> matchers,
                                                     const storage::SelectHints& hints,
                                                     std::stop_token stop = {}) const override;
  Result<std::vector<std::string>> LabelValues(std::string_view name,
                                               std::span<const model::Matcher> matchers,
                                               std::size_t limit,
                                               std::stop_token stop) const override;
  Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers,
                                              std::size_t limit,
                                              std::stop_token stop) const override;
  /// The same selection as chunks.
  Result<std::unique_ptr<storage::ChunkSeriesSet>> SelectChunks(
      std::span<const model::Matcher> matchers, std::size_t limit,
      const std::stop_token& stop) const;

 private:
  Result<PostingList> SelectSeries(std::span<const model::Matcher> matchers, std::size_t limit,
                                   bool any_order, const std::stop_token& stop) const;
  bool OutsideHead() const;
  void KeepInRange(PostingList& ids) const;
  bool HasInOrder(SeriesSlot slot, ChunkReader& reader) const;

  const HeadState& head_;
  const std::shared_ptr<const Isolation::Reader> reader_;
  const HeadRange range_;
};

}  // namespace narthex::tsdb
