// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/head_querier.h"

#include <algorithm>

#include <absl/container/flat_hash_set.h>

#include "tsdb/compact/chunk_merge.h"
#include "tsdb/head/chunk_reader.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;

class HeadSeriesSet final : public storage::SeriesSet {
 public:
  HeadSeriesSet(const HeadState& head, std::shared_ptr<const Isolation::Reader> reader,
                TimestampMs mint, TimestampMs maxt, PostingList ids)
      : head_(head), reader_(std::move(reader)), mint_(mint), maxt_(maxt), ids_(std::move(ids)) {}

  std::size_t size() const override { return ids_.size(); }
  model::Labels LabelsAt(std::size_t i) const override { return head_.index.LabelsOf(ids_[i]); }
  Status Read(std::size_t i, TimestampMs mint, TimestampMs maxt,
              storage::SampleColumns& out) const override {
    ChunkReader reader(head_);
    reader.Load(ids_[i], std::max(mint, mint_), std::min(maxt, maxt_), reader_.get());
    return reader.Decode(out);
  }

 private:
  const HeadState& head_;
  const std::shared_ptr<const Isolation::Reader> reader_;
  const TimestampMs mint_;
  const TimestampMs maxt_;
  const PostingList ids_;
};

class HeadChunkSet final : public storage::ChunkSeriesSet {
 public:
  HeadChunkSet(const HeadState& head, std::shared_ptr<const Isolation::Reader> reader,
               TimestampMs mint, TimestampMs maxt, PostingList ids)
      : head_(head), reader_(std::move(reader)), mint_(mint), maxt_(maxt), ids_(std::move(ids)) {}

  std::size_t size() const override { return ids_.size(); }
  model::Labels LabelsAt(std::size_t i) const override { return head_.index.LabelsOf(ids_[i]); }
  Status Read(std::size_t i, std::vector<storage::EncodedChunk>& out) const override {
    ChunkReader reader(head_);
    reader.Load(ids_[i], mint_, maxt_, reader_.get());
    std::vector<ChunkView> chunks;
    NX_RETURN_IF_ERROR(reader.Chunks(chunks));
    std::vector<MergeInput> inputs;
    for (const auto& chunk : chunks) inputs.push_back({chunk, {}});
    return MergeForReaders(std::move(inputs), out);
  }

 private:
  const HeadState& head_;
  const std::shared_ptr<const Isolation::Reader> reader_;
  const TimestampMs mint_;
  const TimestampMs maxt_;
  const PostingList ids_;
};

void Limit(std::vector<std::string>& values, std::size_t limit) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  if (limit > 0 && values.size() > limit) values.resize(limit);
}

std::vector<std::string> Texts(const HeadIndex& index, std::vector<Symbol> symbols) {
  std::sort(symbols.begin(), symbols.end());
  symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
  std::vector<std::string> texts;
  texts.reserve(symbols.size());
  for (const Symbol symbol : symbols) texts.emplace_back(index.labels().Text(symbol));
  return texts;
}

}  // namespace

Status HeadPostings::All(PostingList& out) const {
  index_.Read([&](const MemPostings& postings, const LabelStore&) { postings.All(out); });
  return {};
}

Status HeadPostings::OfValue(std::string_view name, std::string_view value,
                             PostingList& out) const {
  index_.Read([&](const MemPostings& postings, const LabelStore& labels) {
    const Symbol name_symbol = labels.symbols().Find(name);
    const Symbol value_symbol = labels.symbols().Find(value);
    if (name_symbol != 0 && value_symbol != 0) postings.OfPair(name_symbol, value_symbol, out);
  });
  return {};
}

Status HeadPostings::OfValues(std::string_view name, std::string_view prefix,
                              const ValueFilter& keep, PostingList& out) const {
  // The filter may be a regular expression over a million values: it runs without the lock. The
  // symbols stay, because the caller is a reader.
  Symbol name_symbol = 0;
  std::vector<Symbol> values;
  index_.Read([&](const MemPostings& postings, const LabelStore& labels) {
    name_symbol = labels.symbols().Find(name);
    if (const auto* found = postings.ValuesOf(name_symbol)) values = *found;
  });
  std::erase_if(values, [&](Symbol symbol) {
    const std::string_view text = index_.labels().Text(symbol);
    return !text.starts_with(prefix) || (keep && !keep(text));
  });
  if (values.empty()) return {};
  index_.Read([&](const MemPostings& postings, const LabelStore&) {
    for (const Symbol value : values) postings.OfPair(name_symbol, value, out);
  });
  return {};
}

void SortByLabels(const HeadIndex& index, PostingList& ids) {
  const LabelStore& labels = index.labels();
  // Runs first, so that a comparison touches no series.
  std::vector<std::pair<ArenaRef, SeriesId>> order;
  order.reserve(ids.size());
  for (const SeriesId id : ids) order.emplace_back(index.At(id).labels, id);
  std::sort(order.begin(), order.end(),
            [&](const auto& a, const auto& b) { return labels.Compare(a.first, b.first) < 0; });
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = order[i].second;
}

bool HeadQuerier::OutsideHead() const {
  return mint_ > head_.max_time.load() || maxt_ < head_.min_time.load();
}

// Drops series without a chunk in the range, or with deleted ones only.
void HeadQuerier::KeepInRange(PostingList& ids) const {
  const std::uint32_t from = CoarseSeconds(mint_);
  const bool check_start = maxt_ < head_.max_time.load();
  ChunkReader reader(head_);
  std::erase_if(ids, [&](SeriesId id) {
    MemSeries& series = head_.index.At(id);
    bool deleted = false;
    {
      SeriesLock lock(series);
      deleted = series.has_tombstones;
      const auto full = head_.chunks.FullChunks(series);
      const bool open_ends_in_time = series.has_open_chunk() && series.xor_state.t >= mint_;
      if (!open_ends_in_time && (full.empty() || full.back().max_seconds < from)) return true;
      if (!check_start && !deleted) return false;
      if (series.has_open_chunk() && head_.chunks.OpenMinTime(series) <= maxt_ &&
          open_ends_in_time) {
        return false;
      }
      if (full.empty()) return true;
    }
    reader.Load(id, mint_, maxt_, nullptr);
    return !reader.AnyKept().value_or(true);  // What can't be read is told when it is read.
  });
}

Result<PostingList> HeadQuerier::SelectSeries(std::span<const model::Matcher> matchers,
                                              std::size_t limit,
                                              const std::stop_token& stop) const {
  PostingList ids;
  if (OutsideHead()) return ids;
  NX_ASSIGN_OR_RETURN(ids, SelectPostings(HeadPostings(head_.index), matchers, stop));
  KeepInRange(ids);
  SortByLabels(head_.index, ids);
  if (limit > 0 && ids.size() > limit) ids.resize(limit);
  return ids;
}

Result<std::unique_ptr<storage::SeriesSet>> HeadQuerier::Select(
    std::span<const model::Matcher> matchers, const storage::SelectHints& hints,
    std::stop_token stop) const {
  NX_ASSIGN_OR_RETURN(auto ids, SelectSeries(matchers, hints.limit, stop));
  return std::make_unique<HeadSeriesSet>(head_, reader_, mint_, maxt_, std::move(ids));
}

Result<std::unique_ptr<storage::ChunkSeriesSet>> HeadQuerier::SelectChunks(
    std::span<const model::Matcher> matchers, std::size_t limit,
    const std::stop_token& stop) const {
  NX_ASSIGN_OR_RETURN(auto ids, SelectSeries(matchers, limit, stop));
  return std::make_unique<HeadChunkSet>(head_, reader_, mint_, maxt_, std::move(ids));
}

Result<std::vector<std::string>> HeadQuerier::LabelValues(std::string_view name,
                                                          std::span<const model::Matcher> matchers,
                                                          std::size_t limit) const {
  if (OutsideHead()) return std::vector<std::string>{};
  std::vector<Symbol> symbols;
  if (matchers.empty()) {
    head_.index.Read([&](const MemPostings& postings, const LabelStore& labels) {
      if (const auto* values = postings.ValuesOf(labels.symbols().Find(name))) symbols = *values;
    });
  } else {
    NX_ASSIGN_OR_RETURN(const auto ids, SelectPostings(HeadPostings(head_.index), matchers));
    Symbol name_symbol = 0;
    head_.index.Read([&](const MemPostings&, const LabelStore& labels) {
      name_symbol = labels.symbols().Find(name);
    });
    for (const SeriesId id : ids) {
      const Symbol value = head_.index.labels().ValueOf(head_.index.At(id).labels, name_symbol);
      if (value != 0) symbols.push_back(value);
    }
  }
  auto values = Texts(head_.index, std::move(symbols));
  Limit(values, limit);
  return values;
}

Result<std::vector<std::string>> HeadQuerier::LabelNames(std::span<const model::Matcher> matchers,
                                                         std::size_t limit) const {
  if (OutsideHead()) return std::vector<std::string>{};
  std::vector<Symbol> symbols;
  if (matchers.empty()) {
    head_.index.Read([&](const MemPostings& postings, const LabelStore&) {
      postings.ForEachName(
          [&](Symbol name, const std::vector<Symbol>&) { symbols.push_back(name); });
    });
  } else {
    NX_ASSIGN_OR_RETURN(const auto ids, SelectPostings(HeadPostings(head_.index), matchers));
    absl::flat_hash_set<Symbol> names;
    for (const SeriesId id : ids) {
      head_.index.labels().ForEach(head_.index.At(id).labels,
                                   [&](Symbol name, Symbol) { names.insert(name); });
    }
    symbols.assign(names.begin(), names.end());
  }
  auto names = Texts(head_.index, std::move(symbols));
  Limit(names, limit);
  return names;
}

}  // namespace narthex::tsdb
