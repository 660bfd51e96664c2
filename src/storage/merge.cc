// SPDX-License-Identifier: Apache-2.0
#include "narthex/storage/merge.h"

#include <algorithm>
#include <numeric>
#include <optional>

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
      : sets_(std::move(sets)),
        groups_(
            SizesOf(sets_),
            [this](std::size_t set, std::size_t index) { return sets_[set]->LabelsAt(index); },
            [this](std::size_t set, std::size_t index, const Labels& labels) {
              return sets_[set]->HasLabels(index, labels);
            }) {}

  std::size_t size() const override { return groups_.size(); }

  Labels LabelsAt(std::size_t i) const override {
    const auto& m = groups_.At(i).front();
    return sets_[m.set]->LabelsAt(m.index);
  }

  Labels SomeLabelsAt(std::size_t i, std::span<const std::string> names) const override {
    const auto& m = groups_.At(i).front();
    return sets_[m.set]->SomeLabelsAt(m.index, names);
  }

  void ForEachLabel(std::size_t i, const VisitLabel& visit) const override {
    const auto& m = groups_.At(i).front();
    sets_[m.set]->ForEachLabel(m.index, visit);
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

SeriesGroups::SeriesGroups(std::span<const std::size_t> sizes, const LabelsOf& labels_of,
                           const HasLabels& has_labels) {
  // Of each set's next series, or those of another set that moved on together with this one and
  // came to the same series. Such sets move on together again, so these stay as long as they must.
  std::vector<Labels> own(sizes.size());
  std::vector<std::uint32_t> owner(sizes.size());
  const auto same_labels = [&](std::uint32_t a, std::uint32_t b) {
    return owner[a] == owner[b] || own[owner[a]] == own[owner[b]];
  };
  const auto before = [&](std::uint32_t a, std::uint32_t b) {
    return same_labels(a, b) ? a < b : own[owner[a]] < own[owner[b]];
  };
  std::vector<std::uint32_t> next(sizes.size());
  std::vector<std::uint32_t> order;  // The sets that have a next series, by it.
  // @param like  a set that may have come to the same series, or this one
  const auto enter = [&](std::uint32_t set, std::uint32_t like) {
    if (like != set && has_labels(set, next[set], own[owner[like]])) {
      owner[set] = owner[like];
    } else {
      owner[set] = set;
      own[set] = labels_of(set, next[set]);
    }
    const bool at_end = order.empty() || before(order.back(), set);
    order.insert(at_end ? order.end() : std::lower_bound(order.begin(), order.end(), set, before),
                 set);
  };
  const auto enter_all = [&](const std::vector<std::uint32_t>& sets) {
    std::optional<std::uint32_t> like;
    for (const std::uint32_t set : sets) {
      if (next[set] == sizes[set]) continue;
      enter(set, like.value_or(set));
      like = set;
    }
  };
  std::vector<std::uint32_t> same(sizes.size());
  std::iota(same.begin(), same.end(), 0);
  enter_all(same);
  while (!order.empty()) {
    auto end = order.begin() + 1;
    while (end != order.end() && same_labels(order[0], *end)) ++end;
    same.assign(order.begin(), end);
    order.erase(order.begin(), end);
    starts_.push_back(static_cast<std::uint32_t>(members_.size()));
    for (const std::uint32_t set : same) members_.push_back({set, next[set]++});
    enter_all(same);
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
