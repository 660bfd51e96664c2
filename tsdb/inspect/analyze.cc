// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "narthex/tsdb/inspect.h"
#include "tsdb/inspect/chunk_fill.h"
#include "tsdb/inspect/folder.h"

namespace narthex::tsdb {
namespace {

using Symbol = std::uint32_t;

struct Count {
  std::string text;
  std::uint64_t n = 0;
};

// What the label pairs of the analysed series add up to.
struct Tally {
  struct Pair {
    std::uint64_t uncovered_ms = 0;  // How much of the block's time the series do not last.
    std::uint64_t series = 0;
  };
  absl::flat_hash_map<std::pair<Symbol, Symbol>, Pair> pairs;
  absl::flat_hash_map<Symbol, std::uint64_t> uncovered_by_name;
  std::uint64_t entries = 0;
};

class Analysis {
 public:
  Analysis(const Block& block, const AnalyzeOptions& options, const TextSink& out)
      : block_(block), index_(block.index()), options_(options), out_(out) {}

  Status Run() {
    NX_RETURN_IF_ERROR(PrintHeader());
    NX_RETURN_IF_ERROR(CountLabels());
    NX_RETURN_IF_ERROR(ReadValues());
    NX_RETURN_IF_ERROR(PrintChurn());
    NX_RETURN_IF_ERROR(PrintCardinality());
    if (!options_.extended) return {};
    return inspect::PrintChunkFill(block_, ids_, out_);
  }

 private:
  bool all() const { return options_.match_text.empty(); }
  std::uint64_t length_ms() const {
    return static_cast<std::uint64_t>(block_.meta().max_time - block_.meta().min_time);
  }

  Status PrintHeader() {
    const BlockMeta& meta = block_.meta();
    std::string text =
        fmt::format("Block ID: {}\nDuration: {}\nTotal Series: {}\n", meta.ulid,
                    go::FormatDuration(static_cast<std::int64_t>(length_ms() * 1'000'000)),
                    meta.stats.num_series);
    if (!all()) text += fmt::format("Matcher: {}\n", options_.match_text);
    NX_ASSIGN_OR_RETURN(ids_, SelectPostings(index_, options_.matchers));
    return out_(text);
  }

  // Reads the series once: label pairs with their numbers and times.
  Status CountLabels() {
    SymbolPairs labels;
    std::vector<ChunkMeta> chunks;
    for (const SeriesId id : ids_) {
      NX_RETURN_IF_ERROR(index_.Series(id, &labels, &chunks));
      const std::uint64_t covered =
          chunks.empty() ? 0 : static_cast<std::uint64_t>(chunks.back().maxt - chunks.front().mint);
      const std::uint64_t uncovered = length_ms() - covered;
      for (const auto& label : labels) {
        auto& pair = tally_.pairs[label];
        pair.uncovered_ms += uncovered;
        ++pair.series;
        tally_.uncovered_by_name[label.first] += uncovered;
        ++tally_.entries;
      }
    }
    return {};
  }

  // The values of each label name that the series have, and how many series each metric has.
  Status ReadValues() {
    if (all()) {
      for (const auto& name : index_.LabelNames()) {
        Name entry{name, 0, 0};
        NX_RETURN_IF_ERROR(index_.ForEachValue(name, [&](std::string_view value, std::uint32_t n) {
          ++entry.values;
          entry.value_bytes += value.size();
          if (name == model::kMetricName) metrics_.push_back({std::string(value), n});
        }));
        names_.push_back(std::move(entry));
      }
    } else {
      absl::flat_hash_map<Symbol, Name> by_name;
      for (const auto& [label, pair] : tally_.pairs) {
        NX_ASSIGN_OR_RETURN(const auto name, index_.Symbol(label.first));
        NX_ASSIGN_OR_RETURN(const auto value, index_.Symbol(label.second));
        Name& entry = by_name[label.first];
        entry.text = name;
        ++entry.values;
        entry.value_bytes += value.size();
        if (name == model::kMetricName) metrics_.push_back({std::string(value), pair.series});
      }
      for (auto& [symbol, entry] : by_name) names_.push_back(std::move(entry));
    }
    std::string text = fmt::format("Label names: {}\n", names_.size());
    if (!all()) text += fmt::format("Matched series: {}\n", ids_.size());
    text +=
        fmt::format("Postings (unique label pairs): {}\nPostings entries (total label pairs): {}\n",
                    tally_.pairs.size(), tally_.entries);
    return out_(text);
  }

  Status PrintChurn() {
    // In whole lengths of the block: how many series came and went.
    const auto churn = [&](std::uint64_t uncovered_ms) {
      if (length_ms() == 0) return std::uint64_t{0};
      return static_cast<std::uint64_t>(static_cast<double>(uncovered_ms) /
                                        static_cast<double>(length_ms()));
    };
    std::vector<Count> churning, common, names;
    for (const auto& [label, pair] : tally_.pairs) {
      NX_ASSIGN_OR_RETURN(const auto name, index_.Symbol(label.first));
      NX_ASSIGN_OR_RETURN(const auto value, index_.Symbol(label.second));
      std::string text = fmt::format("{}={}", name, value);
      common.push_back({text, pair.series});
      churning.push_back({std::move(text), churn(pair.uncovered_ms)});
    }
    for (const auto& [symbol, uncovered] : tally_.uncovered_by_name) {
      NX_ASSIGN_OR_RETURN(const auto name, index_.Symbol(symbol));
      names.push_back({std::string(name), churn(uncovered)});
    }
    NX_RETURN_IF_ERROR(PrintList("Label pairs most involved in churning", std::move(churning)));
    NX_RETURN_IF_ERROR(PrintList("Label names most involved in churning", std::move(names)));
    return PrintList("Most common label pairs", std::move(common));
  }

  Status PrintCardinality() {
    std::vector<Count> bytes, values;
    for (const Name& name : names_) {
      bytes.push_back({name.text, name.value_bytes});
      values.push_back({name.text, name.values});
    }
    NX_RETURN_IF_ERROR(
        PrintList("Label names with highest cumulative label value length", std::move(bytes)));
    NX_RETURN_IF_ERROR(PrintList("Highest cardinality labels", std::move(values)));
    return PrintList("Highest cardinality metric names", std::move(metrics_));
  }

  Status PrintList(std::string_view title, std::vector<Count> counts) {
    std::sort(counts.begin(), counts.end(), [](const Count& a, const Count& b) {
      return a.n != b.n ? a.n > b.n : a.text < b.text;
    });
    std::string text = fmt::format("\n{}:\n", title);
    for (std::size_t i = 0; i < std::min(counts.size(), options_.limit); ++i) {
      text += fmt::format("{} {}\n", counts[i].n, counts[i].text);
    }
    return out_(text);
  }

  struct Name {
    std::string text;
    std::uint64_t values = 0;
    std::uint64_t value_bytes = 0;
  };

  const Block& block_;
  const IndexReader& index_;
  const AnalyzeOptions& options_;
  const TextSink& out_;
  PostingList ids_;
  Tally tally_;
  std::vector<Name> names_;
  std::vector<Count> metrics_;
};

}  // namespace

Status AnalyzeBlock(Fs& fs, const AnalyzeOptions& options, const TextSink& out) {
  NX_ASSIGN_OR_RETURN(const auto block, inspect::OpenBlock(fs, options.dir, options.block));
  if (auto status = Analysis(*block, options, out).Run(); !status) {
    return Fail(std::move(status).error().Wrap("block " + block->dir()));
  }
  return {};
}

}  // namespace narthex::tsdb
