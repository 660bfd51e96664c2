// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/head_block_source.h"

#include <algorithm>

#include <absl/container/flat_hash_set.h>

#include "tsdb/head/series_order.h"

namespace narthex::tsdb {

HeadBlockSource::HeadBlockSource(const HeadState& head,
                                 std::shared_ptr<const Isolation::Reader> reader,
                                 model::TimestampMs mint, model::TimestampMs maxt, bool isolated,
                                 std::optional<PostingList> only)
    : head_(head),
      mint_(mint),
      maxt_(maxt),
      reader_(std::move(reader)),
      isolated_(isolated),
      chunk_reader_(head) {
  if (only) {
    ids_ = std::move(*only);
  } else {
    head_.index.Read([&](const MemPostings& postings, const LabelStore&) { postings.All(ids_); });
  }
  SortByLabels(head_.index, ids_);
}

void AddSymbols(const HeadIndex& index, const PostingList& ids,
                const BlockSource::SymbolSink& add) {
  absl::flat_hash_set<Symbol> symbols;
  for (const SeriesId id : ids) {
    index.labels().ForEach(index.At(id).labels, [&](Symbol name, Symbol value) {
      symbols.insert(name);
      symbols.insert(value);
    });
  }
  std::vector<std::string_view> texts;
  texts.reserve(symbols.size());
  for (const Symbol symbol : symbols) texts.push_back(index.labels().Text(symbol));
  symbols = {};
  std::sort(texts.begin(), texts.end());
  for (const auto text : texts) add(text);
}

Status HeadBlockSource::Symbols(const SymbolSink& add) {
  AddSymbols(head_.index, ids_, add);
  return {};
}

Result<bool> HeadBlockSource::Next() {
  while (next_ < ids_.size()) {
    const SeriesId id = ids_[next_++];
    chunk_reader_.Load(id, mint_, maxt_ - 1, isolated_ ? reader_.get() : nullptr);
    const auto on_unreadable = [&](Error error) -> Status {
      // Of a snapshot somebody wants to hear that it is not whole. A head that is never cut again
      // would cost more than the samples of a chunk.
      if (isolated_ || error.code() != Code::kCorruption) return Fail(std::move(error));
      head_.ReportUnreadable(id, error);
      return {};
    };
    NX_RETURN_IF_ERROR(chunk_reader_.Chunks(chunks_, on_unreadable));
    if (chunks_.empty()) continue;
    labels_ = head_.index.LabelsOf(id);
    return true;
  }
  return false;
}

}  // namespace narthex::tsdb
