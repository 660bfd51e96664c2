// SPDX-License-Identifier: Apache-2.0
#include "tsdb/inspect/series_cursor.h"

#include <algorithm>

#include "tsdb/head/chunk_reader.h"
#include "tsdb/head/head_querier.h"
#include "tsdb/head/series_order.h"
#include "tsdb/postings.h"

namespace narthex::tsdb::inspect {
namespace {

Result<PostingList> Select(const PostingsSource& source, MatcherSets sets) {
  PostingList all;
  if (sets.empty()) {
    NX_RETURN_IF_ERROR(source.All(all));
    return all;
  }
  for (const auto& matchers : sets) {
    NX_ASSIGN_OR_RETURN(const PostingList selected, SelectPostings(source, matchers));
    PostingList both;
    Unite<SeriesId>(all, selected, both);
    all = std::move(both);
  }
  return all;
}

bool Overlaps(model::TimestampMs mint, model::TimestampMs maxt, Interval range) {
  return mint <= range.maxt && range.mint <= maxt;
}

// What is cut off a series beside its tombstones: everything outside the range.
void AddOutside(Interval range, std::vector<Interval>& deleted) {
  if (range.mint > model::kMinTime) AddInterval(deleted, {model::kMinTime, range.mint - 1});
  if (range.maxt < model::kMaxTime) AddInterval(deleted, {range.maxt + 1, model::kMaxTime});
}

class BlockCursor final : public SeriesCursor {
 public:
  BlockCursor(std::shared_ptr<const Block> block, Interval range, PostingList ids)
      : block_(std::move(block)), range_(range), ids_(std::move(ids)) {}

  Result<bool> Next() override {
    while (next_ < ids_.size()) {
      const SeriesId id = ids_[next_++];
      NX_RETURN_IF_ERROR(Named(block_->index().Series(id, nullptr, &chunks_)));
      const auto tombstones = block_->tombstones().Of(id);
      deleted_.assign(tombstones.begin(), tombstones.end());
      AddOutside(range_, deleted_);
      std::erase_if(chunks_, [&](const ChunkMeta& chunk) {
        return !Overlaps(chunk.mint, chunk.maxt, range_) ||
               Covers(deleted_, chunk.mint, chunk.maxt);
      });
      if (chunks_.empty()) continue;
      auto labels = block_->index().LabelsOf(id);
      NX_RETURN_IF_ERROR(Named(labels));
      labels_ = std::move(*labels);
      return true;
    }
    return false;
  }
  const model::Labels& labels() const override { return labels_; }

  Status Read(SampleRun& out) override {
    out.Clear();
    for (const ChunkMeta& chunk : chunks_) {
      const auto stored = block_->chunks().Read(chunk.ref);
      NX_RETURN_IF_ERROR(Named(stored));
      NX_RETURN_IF_ERROR(
          Named(out.Add({chunk.mint, chunk.maxt, stored->encoding, stored->bytes}, deleted_)));
    }
    return {};
  }

 private:
  template <typename T>
  Status Named(const Result<T>& result) const {
    if (result) return {};
    return Fail(Error(result.error()).Wrap("block " + block_->dir()));
  }

  const std::shared_ptr<const Block> block_;
  const Interval range_;
  const PostingList ids_;
  std::size_t next_ = 0;
  std::vector<ChunkMeta> chunks_;
  std::vector<Interval> deleted_;
  model::Labels labels_;
};

class HeadCursor final : public SeriesCursor {
 public:
  HeadCursor(const HeadState& head, Interval range, PostingList ids)
      : head_(head), range_(range), ids_(std::move(ids)), reader_(head) {}

  Result<bool> Next() override {
    while (next_ < ids_.size()) {
      id_ = ids_[next_++];
      reader_.Load(id_, range_.mint, range_.maxt, nullptr);
      NX_ASSIGN_OR_RETURN(const bool kept, reader_.AnyKept());
      late_ =
          reader_.has_out_of_order() && head_.ooo.store().Overlaps(id_, range_.mint, range_.maxt);
      if (!kept && !late_) continue;
      labels_ = head_.index.LabelsOf(id_);
      return true;
    }
    return false;
  }
  const model::Labels& labels() const override { return labels_; }

  Status Read(SampleRun& out) override {
    out.Clear();
    NX_RETURN_IF_ERROR(reader_.Chunks(chunks_));
    for (const ChunkView& chunk : chunks_) NX_RETURN_IF_ERROR(out.Add(chunk, {}));
    if (!late_) return {};
    chunks_.clear();
    std::vector<Interval> unwanted;
    NX_RETURN_IF_ERROR(reader_.OutOfOrderChunks(id_, range_.mint, range_.maxt, chunks_, unwanted));
    for (const ChunkView& chunk : chunks_) NX_RETURN_IF_ERROR(out.Add(chunk, unwanted));
    out.Sort();
    return {};
  }

 private:
  const HeadState& head_;
  const Interval range_;
  const PostingList ids_;
  std::size_t next_ = 0;
  ChunkReader reader_;
  SeriesId id_ = 0;
  bool late_ = false;  // It has samples that came out of order.
  std::vector<ChunkView> chunks_;
  model::Labels labels_;
};

}  // namespace

Result<std::unique_ptr<SeriesCursor>> NewBlockCursor(std::shared_ptr<const Block> block,
                                                     Interval range, MatcherSets matchers) {
  NX_ASSIGN_OR_RETURN(auto ids, Select(block->index(), matchers));
  return std::make_unique<BlockCursor>(std::move(block), range, std::move(ids));
}

Result<std::unique_ptr<SeriesCursor>> NewHeadCursor(const HeadState& head, Interval range,
                                                    MatcherSets matchers, SeriesOrder order) {
  NX_ASSIGN_OR_RETURN(auto ids, Select(HeadPostings(head.index), matchers));
  if (order == SeriesOrder::kByLabels) {
    SortByLabels(head.index, ids);
  } else {
    std::sort(ids.begin(), ids.end(), [&](SeriesId a, SeriesId b) {
      return head.index.At(a).wal_ref < head.index.At(b).wal_ref;
    });
  }
  return std::make_unique<HeadCursor>(head, range, std::move(ids));
}

}  // namespace narthex::tsdb::inspect
