// SPDX-License-Identifier: Apache-2.0
#include "tsdb/db/chunk_sets.h"

#include <algorithm>

#include "narthex/storage/merge.h"
#include "tsdb/compact/chunk_merge.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;
using storage::ChunkSeriesSet;

class BlockChunkSet final : public ChunkSeriesSet {
 public:
  BlockChunkSet(std::shared_ptr<const Block> block, TimestampMs mint, TimestampMs maxt,
                PostingList ids)
      : block_(std::move(block)), mint_(mint), maxt_(maxt), ids_(std::move(ids)) {}

  std::size_t size() const override { return ids_.size(); }

  // Selecting has read the series, and its checksum was right; so there is nothing to report.
  model::Labels LabelsAt(std::size_t i) const override {
    return block_->index().LabelsOf(ids_[i]).value_or(model::Labels());
  }

  Status Read(std::size_t i, std::vector<storage::EncodedChunk>& out) const override {
    Status status = ReadSeries(ids_[i], out);
    if (status) return status;
    return Fail(std::move(status).error().Wrap("block " + block_->meta().ulid));
  }

 private:
  Status ReadSeries(SeriesId id, std::vector<storage::EncodedChunk>& out) const {
    std::vector<ChunkMeta> metas;
    NX_RETURN_IF_ERROR(block_->index().Series(id, nullptr, &metas));
    const std::vector<Interval> unwanted = UnwantedOf(id);
    std::vector<MergeInput> inputs;
    for (const ChunkMeta& c : metas) {
      if (c.mint > maxt_ || c.maxt < mint_) continue;
      NX_ASSIGN_OR_RETURN(const StoredChunk stored, block_->chunks().Read(c.ref));
      inputs.push_back({{c.mint, c.maxt, stored.encoding, stored.bytes}, unwanted});
    }
    return MergeForReaders(std::move(inputs), out);
  }

  // What is deleted, and what lies outside the range.
  std::vector<Interval> UnwantedOf(SeriesId id) const {
    const auto deleted = block_->tombstones().Of(id);
    std::vector<Interval> unwanted(deleted.begin(), deleted.end());
    if (mint_ > model::kMinTime) AddInterval(unwanted, {model::kMinTime, mint_ - 1});
    if (maxt_ < model::kMaxTime) AddInterval(unwanted, {maxt_ + 1, model::kMaxTime});
    return unwanted;
  }

  const std::shared_ptr<const Block> block_;
  const TimestampMs mint_;
  const TimestampMs maxt_;
  const PostingList ids_;
};

class MergedChunkSet final : public ChunkSeriesSet {
 public:
  MergedChunkSet(std::vector<std::unique_ptr<ChunkSeriesSet>> sets, std::size_t limit)
      : sets_(std::move(sets)),
        groups_(
            SizesOf(sets_),
            [this](std::size_t set, std::size_t index) { return sets_[set]->LabelsAt(index); },
            [this](std::size_t set, std::size_t index, const model::Labels& labels) {
              return sets_[set]->LabelsAt(index) == labels;
            }),
        size_(limit == 0 ? groups_.size() : std::min(limit, groups_.size())) {}

  std::size_t size() const override { return size_; }

  model::Labels LabelsAt(std::size_t i) const override {
    const auto& m = groups_.At(i).front();
    return sets_[m.set]->LabelsAt(m.index);
  }

  Status Read(std::size_t i, std::vector<storage::EncodedChunk>& out) const override {
    const auto members = groups_.At(i);
    if (members.size() == 1) return sets_[members[0].set]->Read(members[0].index, out);
    std::vector<std::vector<storage::EncodedChunk>> parts(members.size());
    std::vector<MergeInput> inputs;
    for (std::size_t m = 0; m < members.size(); ++m) {
      NX_RETURN_IF_ERROR(sets_[members[m].set]->Read(members[m].index, parts[m]));
      for (const auto& chunk : parts[m]) {
        inputs.push_back(
            {{chunk.mint, chunk.maxt, static_cast<Encoding>(chunk.encoding), AsBytes(chunk.bytes)},
             {}});
      }
    }
    return MergeForReaders(std::move(inputs), out);
  }

 private:
  static std::vector<std::size_t> SizesOf(std::span<const std::unique_ptr<ChunkSeriesSet>> sets) {
    std::vector<std::size_t> sizes;
    for (const auto& set : sets) sizes.push_back(set->size());
    return sizes;
  }

  const std::vector<std::unique_ptr<ChunkSeriesSet>> sets_;
  const storage::SeriesGroups groups_;
  const std::size_t size_;
};

}  // namespace

Result<std::unique_ptr<ChunkSeriesSet>> NewBlockChunkSet(std::shared_ptr<const Block> block,
                                                         TimestampMs mint, TimestampMs maxt,
                                                         std::span<const model::Matcher> matchers,
                                                         std::size_t limit,
                                                         const std::stop_token& stop) {
  NX_ASSIGN_OR_RETURN(PostingList ids, SelectFromBlock(*block, mint, maxt, matchers, limit, stop));
  return std::make_unique<BlockChunkSet>(std::move(block), mint, maxt, std::move(ids));
}

std::unique_ptr<ChunkSeriesSet> MergeChunkSets(std::vector<std::unique_ptr<ChunkSeriesSet>> sets,
                                               std::size_t limit) {
  if (sets.size() == 1) return std::move(sets[0]);
  return std::make_unique<MergedChunkSet>(std::move(sets), limit);
}

}  // namespace narthex::tsdb
