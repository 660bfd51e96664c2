// SPDX-License-Identifier: Apache-2.0
//
// An answer as a set of series.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/storage/querier.h"

namespace narthex::remote {

/// Labels as sent, without those that are named in `without` (sorted).
/// Errors: kUnavailable for what no series may have, in Prometheus's words: a name twice, or empty,
/// or not UTF-8; a value that is not UTF-8.
Result<model::Labels> MakeLabels(std::span<const model::LabelView> sent,
                                 std::span<const std::string> without);

/// Series in parts that come in any order, each with its samples in [begin, end) of some list.
/// Parts with equal labels are one series: a server may cut a series, and labels that were left out
/// may have been what told two of them apart.
class PartedSet : public storage::SeriesSet {
 public:
  std::size_t size() const final { return starts_.empty() ? 0 : starts_.size() - 1; }
  model::Labels LabelsAt(std::size_t i) const final { return parts_[starts_[i]].labels; }
  Status Read(std::size_t i, model::TimestampMs mint, model::TimestampMs maxt,
              storage::SampleColumns& out) const final;

 protected:
  struct Part {
    model::Labels labels;
    std::size_t begin = 0, end = 0;
  };

  /// Appends what the part has in [mint, maxt], in whatever order.
  virtual Status ReadPart(const Part& part, model::TimestampMs mint, model::TimestampMs maxt,
                          storage::SampleColumns& out) const = 0;

  /// For a set that is being made: the parts, and when all are there, Arrange.
  std::vector<Part>& parts() { return parts_; }
  void Arrange();

 private:
  std::vector<Part> parts_;            // Sorted by labels.
  std::vector<std::uint32_t> starts_;  // Of each series' parts, and the end.
};

}  // namespace narthex::remote
