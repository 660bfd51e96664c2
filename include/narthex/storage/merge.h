// SPDX-License-Identifier: Apache-2.0
//
// Several series sets as one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "narthex/storage/querier.h"

namespace narthex::storage {

/// Which members of several sets, each sorted by labels, are the same series.
class SeriesGroups {
 public:
  struct Member {
    std::uint32_t set;
    std::uint32_t index;
  };
  using LabelsOf = std::function<model::Labels(std::size_t set, std::size_t index)>;
  using HasLabels =
      std::function<bool(std::size_t set, std::size_t index, const model::Labels& labels)>;

  /// @param sizes  of the sets
  /// @param has_labels  whether they are what labels_of would give
  SeriesGroups(std::span<const std::size_t> sizes, const LabelsOf& labels_of,
               const HasLabels& has_labels);

  /// Number of different series.
  std::size_t size() const { return starts_.size() - 1; }
  /// Where series i is, in order of the sets; series ascend by labels.
  std::span<const Member> At(std::size_t i) const {
    return {members_.data() + starts_[i], members_.data() + starts_[i + 1]};
  }

 private:
  std::vector<Member> members_;        // Grouped by series, in order of the sets.
  std::vector<std::uint32_t> starts_;  // Of each series' group, and the end.
};

/// Merges sets by labels; series with equal labels become one whose samples are merged by time.
/// Of samples with the same time, the one of the later set in `sets` stays.
std::unique_ptr<SeriesSet> MergeSeriesSets(std::vector<std::unique_ptr<SeriesSet>> sets);

/// Several queriers (head, blocks, remote) as one.
std::unique_ptr<Querier> MergeQueriers(std::vector<std::unique_ptr<Querier>> queriers);

/// Merges two column sets by time into `out` (replaced, neither a nor b); of equal times the sample
/// of `b` stays. A histogram whose neighbour came from the other set loses its reset hint (gauges
/// keep theirs), as in Prometheus.
void MergeColumns(const SampleColumns& a, const SampleColumns& b, SampleColumns& out);

/// MergeColumns(columns, later) into `columns`; only appends when `later` begins after its end.
/// `later` and `scratch` are left with unspecified content.
void AppendOrMerge(SampleColumns& columns, SampleColumns& later, SampleColumns& scratch);

/// The same for samples that lie in `columns` already: the floats from index `floats` on and the
/// histograms from `histograms` on were appended to what was there. Costs nothing when they are
/// later than that.
void MergeTail(SampleColumns& columns, std::size_t floats, std::size_t histograms);

}  // namespace narthex::storage
