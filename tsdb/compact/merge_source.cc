// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/merge_source.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "tsdb/compact/chunk_merge.h"

namespace narthex::tsdb {
namespace {

using model::Labels;

// Where reading is in one block.
struct Cursor {
  const Block* block = nullptr;
  PostingList ids;
  std::size_t next = 0;
  Labels labels;  // Of series `next`.

  bool done() const { return next == ids.size(); }
  SeriesId id() const { return ids[next]; }

  Status ReadLabels() {
    if (done()) return {};
    auto read = block->index().LabelsOf(id());
    if (!read) return Fail(std::move(read).error().Wrap("block " + block->meta().ulid));
    labels = std::move(*read);
    return {};
  }
};

class MergeSource final : public BlockSource {
 public:
  explicit MergeSource(bool xor2) : merger_({.xor2 = xor2}) {}

  Status Open(std::span<const std::shared_ptr<const Block>> blocks) {
    for (const auto& block : blocks) {
      Cursor& cursor = cursors_.emplace_back();
      cursor.block = block.get();
      NX_RETURN_IF_ERROR(block->index().All(cursor.ids));
      NX_RETURN_IF_ERROR(cursor.ReadLabels());
    }
    return {};
  }

  Status Symbols(const SymbolSink& add) override {
    std::vector<std::string_view> all;
    for (const Cursor& cursor : cursors_) {
      std::vector<std::string_view> own;
      NX_RETURN_IF_ERROR(
          cursor.block->index().ForEachSymbol([&](std::string_view s) { own.push_back(s); }));
      std::vector<std::string_view> both;
      std::set_union(all.begin(), all.end(), own.begin(), own.end(), std::back_inserter(both));
      all = std::move(both);
    }
    for (const std::string_view symbol : all) add(symbol);
    return {};
  }

  Result<bool> Next() override {
    const Cursor* least = nullptr;
    for (const Cursor& cursor : cursors_) {
      if (!cursor.done() && (least == nullptr || cursor.labels < least->labels)) least = &cursor;
    }
    if (least == nullptr) return false;
    labels_ = least->labels;
    std::vector<MergeInput> inputs;
    for (Cursor& cursor : cursors_) {
      if (cursor.done() || cursor.labels != labels_) continue;
      Status status = AddChunks(cursor, inputs);
      if (!status) {
        return Fail(std::move(status).error().Wrap("block " + cursor.block->meta().ulid));
      }
      ++cursor.next;
      NX_RETURN_IF_ERROR(cursor.ReadLabels());
    }
    NX_RETURN_IF_ERROR(merger_.Merge(std::move(inputs)));
    return true;
  }

  const Labels& labels() const override { return labels_; }
  std::span<const ChunkView> chunks() const override { return merger_.chunks(); }

 private:
  Status AddChunks(const Cursor& cursor, std::vector<MergeInput>& inputs) {
    NX_RETURN_IF_ERROR(cursor.block->index().Series(cursor.id(), nullptr, &metas_));
    const auto deleted = cursor.block->tombstones().Of(cursor.id());
    for (const ChunkMeta& meta : metas_) {
      NX_ASSIGN_OR_RETURN(const StoredChunk stored, cursor.block->chunks().Read(meta.ref));
      inputs.push_back({{meta.mint, meta.maxt, stored.encoding, stored.bytes}, deleted});
    }
    return {};
  }

  std::vector<Cursor> cursors_;
  std::vector<ChunkMeta> metas_;
  Labels labels_;
  ChunkMerger merger_;
};

}  // namespace

Result<std::unique_ptr<BlockSource>> NewMergeSource(
    std::span<const std::shared_ptr<const Block>> blocks, bool xor2) {
  auto source = std::make_unique<MergeSource>(xor2);
  NX_RETURN_IF_ERROR(source->Open(blocks));
  return source;
}

}  // namespace narthex::tsdb
