// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <span>

#include <fmt/format.h>

#include "tsdb/block/block.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;
using storage::SampleColumns;

bool Overlaps(const ChunkMeta& c, TimestampMs mint, TimestampMs maxt) {
  return c.mint <= maxt && mint <= c.maxt;
}

class BlockSeriesSet final : public storage::SeriesSet {
 public:
  BlockSeriesSet(std::shared_ptr<const Block> block, PostingList ids)
      : block_(std::move(block)), ids_(std::move(ids)) {}

  std::size_t size() const override { return ids_.size(); }

  // Select has read the series, and its checksum was right; so there is nothing to report.
  model::Labels LabelsAt(std::size_t i) const override {
    return block_->index().LabelsOfChecked(ids_[i]).value_or(model::Labels());
  }
  model::Labels SomeLabelsAt(std::size_t i, std::span<const std::string> names) const override {
    return block_->index().LabelsOfChecked(ids_[i], names).value_or(model::Labels());
  }
  void ForEachLabel(std::size_t i, const VisitLabel& visit) const override {
    // Damage would have shown when the series was selected.
    [[maybe_unused]] const Status walked = block_->index().ForEachLabelOfChecked(ids_[i], visit);
  }
  bool HasLabels(std::size_t i, const model::Labels& labels) const override {
    return block_->index().HasLabels(ids_[i], labels);
  }

  Status Read(std::size_t i, TimestampMs mint, TimestampMs maxt,
              SampleColumns& out) const override {
    static thread_local std::vector<ChunkMeta> chunks;  // For its memory only.
    NX_RETURN_IF_ERROR(Named(block_->index().Series(ids_[i], nullptr, &chunks)));
    const auto deleted = block_->tombstones().Of(ids_[i]);
    const std::size_t first_float = out.t.size();
    const std::size_t first_histogram = out.histograms.size();
    for (const ChunkMeta& c : chunks) {
      if (!Overlaps(c, mint, maxt) || Covers(deleted, c.mint, c.maxt)) continue;
      NX_RETURN_IF_ERROR(Named(ReadChunk(c, mint, maxt, out)));
    }
    DropDeleted(deleted, first_float, first_histogram, out);
    return {};
  }

 private:
  Status ReadChunk(const ChunkMeta& c, TimestampMs mint, TimestampMs maxt,
                   SampleColumns& out) const {
    NX_ASSIGN_OR_RETURN(const StoredChunk chunk, block_->chunks().Read(c.ref));
    Status status = DecodeChunk(chunk.encoding, chunk.bytes, mint, maxt, out);
    if (status) return status;
    return Fail(std::move(status).error().Wrap(
        fmt::format("chunk {}/{}", c.ref >> 32, c.ref & 0xffffffff)));
  }

  Status Named(Status status) const {
    if (status) return status;
    return Fail(std::move(status).error().Wrap("block " + block_->meta().ulid));
  }

  const std::shared_ptr<const Block> block_;
  const PostingList ids_;
};

class BlockQuerier final : public storage::Querier {
 public:
  BlockQuerier(std::shared_ptr<const Block> block, TimestampMs mint, TimestampMs maxt)
      : block_(std::move(block)), mint_(mint), maxt_(maxt) {}

  Result<std::unique_ptr<storage::SeriesSet>> Select(std::span<const model::Matcher> matchers,
                                                     const storage::SelectHints& hints,
                                                     std::stop_token stop) const override {
    const bool ranged = hints.start_ms != 0 || hints.end_ms != 0;
    const TimestampMs mint = ranged ? hints.start_ms : mint_;
    const TimestampMs maxt = ranged ? hints.end_ms : maxt_;
    NX_ASSIGN_OR_RETURN(PostingList ids,
                        SelectFromBlock(*block_, mint, maxt, matchers, hints.limit, stop));
    return std::make_unique<BlockSeriesSet>(block_, std::move(ids));
  }

  Result<std::vector<std::string>> LabelValues(std::string_view name,
                                               std::span<const model::Matcher> matchers,
                                               std::size_t limit,
                                               std::stop_token stop) const override {
    NX_RETURN_IF_ERROR(CheckStop(stop));
    if (AllAbout(name, matchers)) {
      auto values = block_->index().LabelValues(name);
      NX_RETURN_IF_ERROR(KeepMatching(matchers, stop, values));
      return Limited(std::move(values), limit);
    }
    const IndexReader& index = block_->index();
    const auto number = index.NumberOfName(name);
    if (!number) return std::vector<std::string>();
    NX_ASSIGN_OR_RETURN(const PostingList ids, SelectPostings(block_->postings(), matchers, stop));
    // The lists of all values together name every series that has the label; the labels of one
    // series cost as much to read as so many entries of lists.
    constexpr std::uint64_t kEntriesPerSeries = 256;
    if (index.NumValues(name) <= ids.size() &&
        block_->meta().stats.num_series <= kEntriesPerSeries * ids.size()) {
      NX_ASSIGN_OR_RETURN(auto values, index.ValuesOn(name, ids, stop));
      return Limited(std::move(values), limit);
    }
    return SymbolsOf(ids, limit, stop,
                     [&](const SymbolPairs& pairs, std::vector<std::uint32_t>& out) {
                       for (const auto& [n, v] : pairs) {
                         if (n == *number) out.push_back(v);
                       }
                     });
  }

  Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers,
                                              std::size_t limit,
                                              std::stop_token stop) const override {
    NX_RETURN_IF_ERROR(CheckStop(stop));
    if (matchers.empty()) return Limited(block_->index().LabelNames(), limit);
    NX_ASSIGN_OR_RETURN(const PostingList ids, SelectPostings(block_->postings(), matchers, stop));
    // All posting lists together have as many entries as all series have labels.
    constexpr std::uint64_t kNotManyPerSeries = 4;
    if (block_->meta().stats.num_series <= kNotManyPerSeries * ids.size()) {
      NX_ASSIGN_OR_RETURN(auto names, block_->index().NamesOn(ids, stop));
      return Limited(std::move(names), limit);
    }
    return SymbolsOf(ids, limit, stop,
                     [](const SymbolPairs& pairs, std::vector<std::uint32_t>& out) {
                       for (const auto& [n, v] : pairs) out.push_back(n);
                     });
  }

 private:
  // The symbols that `collect` picks from the labels of the series, as sorted text.
  template <typename Collect>
  Result<std::vector<std::string>> SymbolsOf(const PostingList& ids, std::size_t limit,
                                             const std::stop_token& stop, Collect&& collect) const {
    constexpr std::size_t kCompactAbove = 1 << 16;
    std::vector<std::uint32_t> symbols;
    std::size_t compact_at = kCompactAbove;
    SymbolPairs pairs;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      NX_RETURN_IF_ERROR(CheckStop(stop, i));
      NX_RETURN_IF_ERROR(block_->index().Series(ids[i], &pairs, nullptr));
      collect(pairs, symbols);
      if (symbols.size() < compact_at) continue;
      SortUnique(symbols);
      compact_at = kCompactAbove + 2 * symbols.size();
    }
    SortUnique(symbols);
    if (limit != 0 && symbols.size() > limit) symbols.resize(limit);
    std::vector<std::string> texts;
    for (const std::uint32_t number : symbols) {
      NX_ASSIGN_OR_RETURN(const std::string_view text, block_->index().Symbol(number));
      texts.emplace_back(text);
    }
    return texts;
  }

  static std::vector<std::string> Limited(std::vector<std::string> all, std::size_t limit) {
    if (limit != 0 && all.size() > limit) all.resize(limit);
    return all;
  }

  const std::shared_ptr<const Block> block_;
  const TimestampMs mint_;
  const TimestampMs maxt_;
};

}  // namespace

Result<PostingList> SelectFromBlock(const Block& block, TimestampMs mint, TimestampMs maxt,
                                    std::span<const model::Matcher> matchers, std::size_t limit,
                                    const std::stop_token& stop) {
  constexpr std::size_t kSeriesPerCheck = 4096;
  NX_ASSIGN_OR_RETURN(PostingList ids, SelectPostings(block.postings(), matchers, stop));
  std::size_t kept = 0;
  std::span<const Interval> deleted;
  const std::function<bool(const ChunkMeta&)> is_wanted = [&](const ChunkMeta& c) {
    return Overlaps(c, mint, maxt) && !Covers(deleted, c.mint, c.maxt);
  };
  for (std::size_t i = 0; i < ids.size() && (limit == 0 || kept < limit); ++i) {
    if (i % kSeriesPerCheck == 0 && stop.stop_requested()) {
      return Fail(Code::kCancelled, "series selection was cancelled");
    }
    deleted = block.tombstones().Of(ids[i]);
    NX_ASSIGN_OR_RETURN(const bool any, block.index().AnyChunk(ids[i], is_wanted));
    if (any) ids[kept++] = ids[i];
  }
  ids.resize(kept);
  return ids;
}

std::unique_ptr<storage::Querier> NewBlockQuerier(std::shared_ptr<const Block> block,
                                                  TimestampMs mint, TimestampMs maxt) {
  return std::make_unique<BlockQuerier>(std::move(block), mint, maxt);
}

}  // namespace narthex::tsdb
