// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/series_order.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

namespace narthex::tsdb {
namespace {

/// Sorts label by label, the first one first. Series share most of their pairs, so texts are
/// compared once per distinct pair and series are only counted out to their places.
class LabelSort {
 public:
  LabelSort(const LabelStore& labels, std::span<LabeledSeries> series)
      : labels_(labels), series_(series), sorted_(series.size()), group_of_(series.size()) {}

  void Run() {
    parts_.push_back({0, static_cast<std::uint32_t>(series_.size()), 0});
    while (!parts_.empty()) {
      const Part part = parts_.back();
      parts_.pop_back();
      if (part.end - part.begin <= kFew) {
        SortFew(part);
      } else {
        Split(part);
      }
    }
  }

 private:
  // Series that are equal in the labels before the label-th.
  struct Part {
    std::uint32_t begin, end, label;
  };
  struct Group {
    LabelStore::Pair pair;
    std::uint32_t count = 0;
    std::uint32_t next = 0;  // Where its next series goes.
  };
  // A series with the first label in which it may differ from the others.
  struct Keyed {
    std::string_view name, value;
    LabeledSeries series;
  };
  static constexpr std::uint32_t kFew = 32;

  // The first label that tells them apart mostly tells all of them apart, so its text is looked up
  // once and not at each comparison.
  void SortFew(const Part& part) {
    const auto few = series_.subspan(part.begin, part.end - part.begin);
    if (few.size() < 2) return;
    std::uint32_t label = part.label;
    while (EqualAt(few, label)) {
      if (labels_.PairAt(few[0].labels, label++).name == 0) return;
    }
    std::array<Keyed, kFew> keyed;
    const auto end = std::transform(few.begin(), few.end(), keyed.begin(), [&](const auto& series) {
      const LabelStore::Pair pair = labels_.PairAt(series.labels, label);
      if (pair.name == 0) return Keyed{{}, {}, series};  // No name is empty: it comes first.
      return Keyed{labels_.Text(pair.name), labels_.Text(pair.value), series};
    });
    std::sort(keyed.begin(), end, [&](const Keyed& a, const Keyed& b) {
      if (const auto order = a.name <=> b.name; order != 0) return order < 0;
      if (const auto order = a.value <=> b.value; order != 0) return order < 0;
      return labels_.Compare(a.series.labels, b.series.labels, label + 1) < 0;
    });
    std::transform(keyed.begin(), end, few.begin(), [](const Keyed& key) { return key.series; });
  }

  bool EqualAt(std::span<const LabeledSeries> series, std::uint32_t label) const {
    const LabelStore::Pair first = labels_.PairAt(series[0].labels, label);
    return std::all_of(series.begin() + 1, series.end(), [&](const LabeledSeries& other) {
      const LabelStore::Pair pair = labels_.PairAt(other.labels, label);
      return pair.name == first.name && pair.value == first.value;
    });
  }

  void Split(const Part& part) {
    FindGroups(part);
    if (groups_.size() == 1) {
      const bool all_end = groups_[0].pair.name == 0;
      if (!all_end) parts_.push_back({part.begin, part.end, part.label + 1});
      return;
    }
    PlaceGroups(part);
    for (std::uint32_t i = part.begin; i < part.end; ++i) {
      sorted_[groups_[group_of_[i]].next++] = series_[i];
    }
    std::copy(sorted_.begin() + part.begin, sorted_.begin() + part.end,
              series_.begin() + part.begin);
    PushParts(part);
  }

  // What is equal up to here goes on with the next label. A symbol that is gone and its successor
  // are two groups with one text.
  void PushParts(const Part& part) {
    std::uint32_t begin = part.begin;
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const Group& group = groups_[order_[i]];
      const bool goes_on =
          i + 1 < order_.size() && labels_.Compare(group.pair, groups_[order_[i + 1]].pair) == 0;
      if (goes_on) continue;
      if (group.next - begin > 1 && group.pair.name != 0) {
        parts_.push_back({begin, group.next, part.label + 1});
      }
      begin = group.next;
    }
  }

  void FindGroups(const Part& part) {
    groups_.clear();
    index_.clear();
    std::uint64_t last = ~std::uint64_t{0};
    std::uint32_t group = 0;
    for (std::uint32_t i = part.begin; i < part.end; ++i) {
      const LabelStore::Pair pair = labels_.PairAt(series_[i].labels, part.label);
      const std::uint64_t key = std::uint64_t{pair.name} << 32 | pair.value;
      if (key != last) {
        last = key;
        const auto [found, is_new] = index_.try_emplace(key, groups_.size());
        group = found->second;
        if (is_new) groups_.push_back({pair});
      }
      ++groups_[group].count;
      group_of_[i] = group;
    }
  }

  void PlaceGroups(const Part& part) {
    order_.resize(groups_.size());
    std::iota(order_.begin(), order_.end(), 0);
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return labels_.Compare(groups_[a].pair, groups_[b].pair) < 0;
    });
    std::uint32_t next = part.begin;
    for (const std::uint32_t g : order_) {
      groups_[g].next = next;
      next += groups_[g].count;
    }
  }

  const LabelStore& labels_;
  const std::span<LabeledSeries> series_;
  std::vector<LabeledSeries> sorted_;
  std::vector<std::uint32_t> group_of_;
  std::vector<Part> parts_;
  std::vector<Group> groups_;
  std::vector<std::uint32_t> order_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> index_;
};

}  // namespace

void SortByLabels(const LabelStore& labels, std::span<LabeledSeries> series) {
  LabelSort(labels, series).Run();
}

void SortByLabels(const HeadIndex& index, PostingList& ids) {
  std::vector<LabeledSeries> series;
  series.reserve(ids.size());
  for (const SeriesSlot slot : ids) series.push_back({index.At(slot).labels, slot});
  SortByLabels(index.labels(), series);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = series[i].slot;
}

}  // namespace narthex::tsdb
