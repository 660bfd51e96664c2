// SPDX-License-Identifier: Apache-2.0
#include "narthex/storage/merge.h"

#include <algorithm>

namespace narthex::storage {
namespace {

using model::Labels;

std::vector<std::size_t> SizesOf(std::span<const std::unique_ptr<SeriesSet>> sets) {
  std::vector<std::size_t> sizes;
  for (const auto& set : sets) sizes.push_back(set->size());
  return sizes;
}

class MergedSeriesSet final : public SeriesSet {
 public:
  explicit MergedSeriesSet(std::vector<std::unique_ptr<SeriesSet>> sets)
      : sets_(std::move(sets)), groups_(SizesOf(sets_), [this](std::size_t set, std::size_t index) {
          return sets_[set]->LabelsAt(index);
        }) {}

  std::size_t size() const override { return groups_.size(); }

  Labels LabelsAt(std::size_t i) const override {
    const auto& m = groups_.At(i).front();
    return sets_[m.set]->LabelsAt(m.index);
  }

  Status Read(std::size_t i, model::TimestampMs mint, model::TimestampMs maxt,
              SampleColumns& out) const override {
    // Blocks and head mostly follow one another, so each part is read right behind the one before.
    for (const auto& m : groups_.At(i)) {
      const std::size_t floats = out.t.size();
      const std::size_t histograms = out.histogram_t.size();
      NX_RETURN_IF_ERROR(sets_[m.set]->Read(m.index, mint, maxt, out));
      const bool more = floats < out.t.size() || histograms < out.histogram_t.size();
      if (more && floats + histograms > 0) out.chained = true;
      MergeTail(out, floats, histograms);
    }
    return {};
  }

 private:
  const std::vector<std::unique_ptr<SeriesSet>> sets_;
  const SeriesGroups groups_;
};

class EmptySeriesSet final : public SeriesSet {
 public:
  std::size_t size() const override { return 0; }
  Labels LabelsAt(std::size_t) const override { return {}; }
  Status Read(std::size_t, model::TimestampMs, model::TimestampMs, SampleColumns&) const override {
    return {};
  }
};

class MergedQuerier final : public Querier {
 public:
  explicit MergedQuerier(std::vector<std::unique_ptr<Querier>> queriers)
      : queriers_(std::move(queriers)) {}

  Result<std::unique_ptr<SeriesSet>> Select(std::span<const model::Matcher> matchers,
                                            const SelectHints& hints,
                                            std::stop_token stop) const override {
    SelectHints of_parts = hints;
    of_parts.any_order = false;  // Sorted sets are merged in one pass.
    std::vector<std::unique_ptr<SeriesSet>> sets;
    for (const auto& querier : queriers_) {
      NX_ASSIGN_OR_RETURN(auto set, querier->Select(matchers, of_parts, stop));
      sets.push_back(std::move(set));
    }
    return MergeSeriesSets(std::move(sets));
  }

  void CollectWarnings(Annotations& out) const override {
    for (const auto& querier : queriers_) querier->CollectWarnings(out);
  }

  Result<std::vector<std::string>> LabelValues(std::string_view name,
                                               std::span<const model::Matcher> matchers,
                                               std::size_t limit,
                                               std::stop_token stop) const override {
    return Unite(limit,
                 [&](const Querier& q) { return q.LabelValues(name, matchers, limit, stop); });
  }

  Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers,
                                              std::size_t limit,
                                              std::stop_token stop) const override {
    return Unite(limit, [&](const Querier& q) { return q.LabelNames(matchers, limit, stop); });
  }

 private:
  template <typename Ask>
  Result<std::vector<std::string>> Unite(std::size_t limit, Ask&& ask) const {
    std::vector<std::string> all;
    for (const auto& querier : queriers_) {
      NX_ASSIGN_OR_RETURN(std::vector<std::string> some, ask(*querier));
      std::vector<std::string> both;
      std::set_union(std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()),
                     std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()),
                     std::back_inserter(both));
      all = std::move(both);
    }
    if (limit != 0 && all.size() > limit) all.resize(limit);
    return all;
  }

  const std::vector<std::unique_ptr<Querier>> queriers_;
};

}  // namespace

SeriesGroups::SeriesGroups(std::span<const std::size_t> sizes, const LabelsOf& labels_of) {
  std::vector<Labels> heads(sizes.size());  // Of each set's next series.
  std::vector<std::uint32_t> next(sizes.size());
  std::vector<std::uint32_t> order;  // The sets that have a next series, by it.
  const auto before = [&](std::uint32_t a, std::uint32_t b) {
    if (heads[a] == heads[b]) return a < b;
    return heads[a] < heads[b];
  };
  const auto enter = [&](std::uint32_t set) {
    if (next[set] == sizes[set]) return;
    heads[set] = labels_of(set, next[set]);
    // Sets that move on together mostly come to the same series again, so to the end of the order.
    const bool at_end = order.empty() || before(order.back(), set);
    order.insert(at_end ? order.end() : std::lower_bound(order.begin(), order.end(), set, before),
                 set);
  };
  for (std::uint32_t s = 0; s < sizes.size(); ++s) enter(s);
  std::vector<std::uint32_t> same;
  while (!order.empty()) {
    const Labels& first = heads[order[0]];
    auto end = order.begin() + 1;
    while (end != order.end() && heads[*end] == first) ++end;
    same.assign(order.begin(), end);
    order.erase(order.begin(), end);
    starts_.push_back(static_cast<std::uint32_t>(members_.size()));
    for (const std::uint32_t set : same) members_.push_back({set, next[set]++});
    for (const std::uint32_t set : same) enter(set);
  }
  starts_.push_back(static_cast<std::uint32_t>(members_.size()));
}

std::unique_ptr<SeriesSet> MergeSeriesSets(std::vector<std::unique_ptr<SeriesSet>> sets) {
  std::erase_if(sets, [](const auto& set) { return set->size() == 0; });
  if (sets.empty()) return std::make_unique<EmptySeriesSet>();
  if (sets.size() == 1) return std::move(sets[0]);
  return std::make_unique<MergedSeriesSet>(std::move(sets));
}

std::unique_ptr<Querier> MergeQueriers(std::vector<std::unique_ptr<Querier>> queriers) {
  if (queriers.size() == 1) return std::move(queriers[0]);
  return std::make_unique<MergedQuerier>(std::move(queriers));
}

}  // namespace narthex::storage
