// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/head_querier.h"

#include <algorithm>

#include <absl/container/flat_hash_set.h>

#include "narthex/storage/merge.h"
#include "tsdb/compact/chunk_merge.h"
#include "tsdb/head/series_order.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;

class HeadSeriesSet final : public storage::SeriesSet {
 public:
  HeadSeriesSet(const HeadState& head, std::shared_ptr<const Isolation::Reader> reader,
                const HeadRange& range, PostingList ids)
      : head_(head), reader_(std::move(reader)), range_(range), ids_(std::move(ids)) {}

  std::size_t size() const override { return ids_.size(); }
  model::Labels LabelsAt(std::size_t i) const override { return head_.index.LabelsOf(ids_[i]); }
  model::Labels SomeLabelsAt(std::size_t i, std::span<const std::string> names) const override {
    return head_.index.labels().Get(head_.index.At(ids_[i]).labels, names);
  }
  void ForEachLabel(std::size_t i, const VisitLabel& visit) const override {
    const LabelStore& labels = head_.index.labels();
    labels.ForEach(head_.index.At(ids_[i]).labels, [&](Symbol name, Symbol value) {
      visit(labels.Text(name), labels.Text(value));
    });
  }
  bool HasLabels(std::size_t i, const model::Labels& labels) const override {
    return head_.index.labels().Equal(head_.index.At(ids_[i]).labels, labels);
  }
  Status Read(std::size_t i, TimestampMs mint, TimestampMs maxt,
              storage::SampleColumns& out) const override {
    ChunkReader reader(head_);
    maxt = std::min(maxt, range_.maxt);
    reader.Load(ids_[i], std::max(mint, range_.in_order_from), maxt, reader_.get());
    if (!reader.has_out_of_order()) return reader.Decode(out);
    return ReadMerged(reader, ids_[i], std::max(mint, range_.mint), maxt, out);
  }

 private:
  static Status ReadMerged(ChunkReader& reader, SeriesSlot slot, TimestampMs mint, TimestampMs maxt,
                           storage::SampleColumns& out) {
    storage::SampleColumns columns;
    storage::SampleColumns late;
    storage::SampleColumns scratch;
    NX_RETURN_IF_ERROR(reader.Decode(columns));
    NX_RETURN_IF_ERROR(reader.DecodeOutOfOrder(slot, mint, maxt, late));
    storage::AppendOrMerge(columns, late, scratch);
    if (out.t.empty() && out.histograms.empty()) {
      std::swap(out, columns);
      return {};
    }
    out.Append(std::move(columns));
    return {};
  }

  const HeadState& head_;
  const std::shared_ptr<const Isolation::Reader> reader_;
  const HeadRange range_;
  const PostingList ids_;
};

class HeadChunkSet final : public storage::ChunkSeriesSet {
 public:
  HeadChunkSet(const HeadState& head, std::shared_ptr<const Isolation::Reader> reader,
               const HeadRange& range, PostingList ids)
      : head_(head), reader_(std::move(reader)), range_(range), ids_(std::move(ids)) {}

  std::size_t size() const override { return ids_.size(); }
  model::Labels LabelsAt(std::size_t i) const override { return head_.index.LabelsOf(ids_[i]); }
  Status Read(std::size_t i, std::vector<storage::EncodedChunk>& out) const override {
    ChunkReader reader(head_);
    reader.Load(ids_[i], range_.in_order_from, range_.maxt, reader_.get());
    std::vector<ChunkView> chunks;
    NX_RETURN_IF_ERROR(reader.Chunks(chunks));
    std::vector<MergeInput> inputs;
    inputs.reserve(chunks.size());
    for (const auto& chunk : chunks) inputs.push_back({chunk, {}});
    std::vector<ChunkView> late;
    std::vector<Interval> unwanted;
    if (reader.has_out_of_order()) {
      NX_RETURN_IF_ERROR(
          reader.OutOfOrderChunks(ids_[i], range_.mint, range_.maxt, late, unwanted));
      inputs.reserve(inputs.size() + late.size());
      for (const auto& chunk : late) inputs.push_back({chunk, unwanted});
    }
    return MergeForReaders(std::move(inputs), out, ChunkCut::kByBytes);
  }

 private:
  const HeadState& head_;
  const std::shared_ptr<const Isolation::Reader> reader_;
  const HeadRange range_;
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

Status HeadPostings::OfEqual(std::span<const model::Matcher* const> equal, PostingList& out) const {
  std::vector<LabelStore::Pair> pairs(equal.size());
  index_.Read([&](const MemPostings& postings, const LabelStore& labels) {
    for (std::size_t i = 0; i < equal.size(); ++i) {
      pairs[i] = {labels.symbols().Find(equal[i]->name()),
                  labels.symbols().Find(equal[i]->value())};
    }
    postings.OfPairs(pairs, out);
  });
  return {};
}

bool HeadQuerier::OutsideHead() const {
  const bool in_order = range_.in_order_from <= std::min(range_.maxt, head_.max_time.load()) &&
                        range_.maxt >= head_.min_time.load();
  return !in_order && !head_.ooo.store().Overlaps(range_.mint, range_.maxt);
}

// Drops series without a chunk in the range, or with deleted ones only.
void HeadQuerier::KeepInRange(PostingList& ids) const {
  ChunkReader reader(head_);
  std::erase_if(ids, [&](SeriesId id) {
    if (HasInOrder(id, reader)) return false;
    MemSeries& series = head_.index.At(id);
    {
      SeriesLock lock(series);
      if (!series.out_of_order) return true;
    }
    return !head_.ooo.store().Overlaps(id, range_.mint, range_.maxt);
  });
}

bool HeadQuerier::HasInOrder(SeriesSlot slot, ChunkReader& reader) const {
  const TimestampMs from = range_.in_order_from;
  if (from > range_.maxt) return false;
  MemSeries& series = head_.index.At(slot);
  {
    SeriesLock lock(series);
    const auto full = head_.chunks.FullChunks(series);
    const bool open_ends_in_time = series.has_open_chunk() && series.xor_state.t >= from;
    const bool full_ends_in_time = !full.empty() && full.back().max_seconds >= CoarseSeconds(from);
    if (!open_ends_in_time && !full_ends_in_time) return false;
    if (range_.maxt >= head_.max_time.load() && !series.has_tombstones) return true;
    if (open_ends_in_time && head_.chunks.OpenMinTime(series) <= range_.maxt) return true;
    if (full.empty()) return false;
  }
  reader.Load(slot, from, range_.maxt, nullptr);
  return reader.AnyKept().value_or(true);  // What can't be read is told when it is read.
}

Result<PostingList> HeadQuerier::SelectSeries(std::span<const model::Matcher> matchers,
                                              std::size_t limit, bool any_order,
                                              const std::stop_token& stop) const {
  PostingList ids;
  if (OutsideHead()) return ids;
  NX_ASSIGN_OR_RETURN(ids, SelectPostings(HeadPostings(head_.index), matchers, stop));
  KeepInRange(ids);
  if (!any_order || limit > 0) SortByLabels(head_.index, ids);
  if (limit > 0 && ids.size() > limit) ids.resize(limit);
  return ids;
}

Result<std::unique_ptr<storage::SeriesSet>> HeadQuerier::Select(
    std::span<const model::Matcher> matchers, const storage::SelectHints& hints,
    std::stop_token stop) const {
  NX_ASSIGN_OR_RETURN(auto ids, SelectSeries(matchers, hints.limit, hints.any_order, stop));
  return std::make_unique<HeadSeriesSet>(head_, reader_, range_, std::move(ids));
}

Result<std::unique_ptr<storage::ChunkSeriesSet>> HeadQuerier::SelectChunks(
    std::span<const model::Matcher> matchers, std::size_t limit,
    const std::stop_token& stop) const {
  NX_ASSIGN_OR_RETURN(auto ids, SelectSeries(matchers, limit, false, stop));
  return std::make_unique<HeadChunkSet>(head_, reader_, range_, std::move(ids));
}

Result<std::vector<std::string>> HeadQuerier::LabelValues(std::string_view name,
                                                          std::span<const model::Matcher> matchers,
                                                          std::size_t limit,
                                                          std::stop_token stop) const {
  NX_RETURN_IF_ERROR(CheckStop(stop));
  if (OutsideHead()) return std::vector<std::string>{};
  std::vector<Symbol> symbols;
  const bool values_decide = AllAbout(name, matchers);
  if (values_decide) {
    head_.index.Read([&](const MemPostings& postings, const LabelStore& labels) {
      if (const auto* values = postings.ValuesOf(labels.symbols().Find(name))) symbols = *values;
    });
  } else {
    NX_ASSIGN_OR_RETURN(const auto ids, SelectPostings(HeadPostings(head_.index), matchers, stop));
    Symbol name_symbol = 0;
    head_.index.Read([&](const MemPostings&, const LabelStore& labels) {
      name_symbol = labels.symbols().Find(name);
    });
    for (std::size_t i = 0; i < ids.size(); ++i) {
      NX_RETURN_IF_ERROR(CheckStop(stop, i));
      const Symbol value = head_.index.labels().ValueOf(head_.index.At(ids[i]).labels, name_symbol);
      if (value != 0) symbols.push_back(value);
    }
  }
  auto values = Texts(head_.index, std::move(symbols));
  if (values_decide) NX_RETURN_IF_ERROR(KeepMatching(matchers, stop, values));
  Limit(values, limit);
  return values;
}

Result<std::vector<std::string>> HeadQuerier::LabelNames(std::span<const model::Matcher> matchers,
                                                         std::size_t limit,
                                                         std::stop_token stop) const {
  NX_RETURN_IF_ERROR(CheckStop(stop));
  if (OutsideHead()) return std::vector<std::string>{};
  std::vector<Symbol> symbols;
  if (matchers.empty()) {
    head_.index.Read([&](const MemPostings& postings, const LabelStore&) {
      postings.ForEachName(
          [&](Symbol name, const std::vector<Symbol>&) { symbols.push_back(name); });
    });
  } else {
    NX_ASSIGN_OR_RETURN(const auto ids, SelectPostings(HeadPostings(head_.index), matchers, stop));
    // Series with the same names share the list of them, so few lists are looked at.
    const LabelStore& labels = head_.index.labels();
    absl::flat_hash_set<const Symbol*> lists;
    absl::flat_hash_set<Symbol> names;
    const Symbol* last = nullptr;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      NX_RETURN_IF_ERROR(CheckStop(stop, i));
      const std::span<const Symbol> of_series = labels.Names(head_.index.At(ids[i]).labels);
      if (of_series.data() == last) continue;
      last = of_series.data();
      if (lists.insert(last).second) names.insert(of_series.begin(), of_series.end());
    }
    symbols.assign(names.begin(), names.end());
  }
  auto names = Texts(head_.index, std::move(symbols));
  Limit(names, limit);
  return names;
}

}  // namespace narthex::tsdb
