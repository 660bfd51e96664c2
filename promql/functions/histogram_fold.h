// SPDX-License-Identifier: Apache-2.0
//
// Sum and mean of native histograms, for aggregations and for functions over time.
#pragma once

#include <optional>

#include "narthex/model/float_histogram.h"
#include "narthex/storage/annotations.h"

namespace narthex::promql {

class HistogramFold {
 public:
  explicit HistogramFold(bool average) : average_(average) {}

  /// Ignored once incompatible. @return false when this one made it so
  bool Add(const model::FloatHistogram& h);
  bool empty() const { return count_ == 0; }
  bool compatible() const { return compatible_; }
  /// What there is to say beside the value (contradicting hints, other bounds).
  void Note(storage::PositionRange position, storage::Annotations& notes) const;
  /// With the empty buckets of what was added, as functions over time give it; aggregations compact
  /// it. Whether there is a side without buckets decides where the zero bucket ends.
  model::FloatHistogram Result() const;

 private:
  bool AddToMean(const model::FloatHistogram& h);

  bool average_;
  std::optional<model::HistogramSum> sum_;  // The mean itself once incremental.
  double count_ = 0;
  bool incremental_ = false;
  bool compatible_ = true;
  bool reset_seen_ = false, not_reset_seen_ = false;
  bool bounds_reconciled_ = false;
};

}  // namespace narthex::promql
