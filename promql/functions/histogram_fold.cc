// SPDX-License-Identifier: Apache-2.0
#include "promql/functions/histogram_fold.h"

namespace narthex::promql {

bool HistogramFold::Add(const model::FloatHistogram& h) {
  if (!compatible_) return true;
  reset_seen_ |= h.counter_reset_hint == model::CounterResetHint::kReset;
  not_reset_seen_ |= h.counter_reset_hint == model::CounterResetHint::kNotReset;
  count_ += 1;
  if (!sum_) {
    sum_.emplace(h);
    return true;
  }
  if (average_) return AddToMean(h);
  const model::AddOutcome outcome = sum_->Add(h);
  compatible_ = outcome.compatible;
  bounds_reconciled_ |= outcome.bounds_reconciled;
  return compatible_;
}

bool HistogramFold::AddToMean(const model::FloatHistogram& h) {
  if (!incremental_) {
    model::HistogramSum next = *sum_;
    const model::AddOutcome outcome = next.Add(h);
    if (!outcome.compatible) return compatible_ = false;
    bounds_reconciled_ |= outcome.bounds_reconciled;
    if (!model::HasOverflow(next.sum())) {
      sum_ = std::move(next);
      return true;
    }
    // The sum would overflow: go on with the mean itself.
    incremental_ = true;
    sum_->Divide(count_ - 1);
  }
  sum_->Multiply((count_ - 1) / count_);
  model::FloatHistogram part = h;
  model::Divide(part, count_);
  const model::AddOutcome outcome = sum_->Add(part);
  bounds_reconciled_ |= outcome.bounds_reconciled;
  return compatible_ = outcome.compatible;
}

void HistogramFold::Note(storage::PositionRange position, storage::Annotations& notes) const {
  if (reset_seen_ && not_reset_seen_) {
    notes.AddWarning("PromQL warning: conflicting counter resets during histogram aggregation",
                     position);
  }
  if (bounds_reconciled_) {
    notes.AddInfo("PromQL info: mismatched custom buckets were reconciled during aggregation",
                  position);
  }
}

model::FloatHistogram HistogramFold::Result() const {
  if (!average_ || incremental_) return sum_->Total();
  model::HistogramSum mean = *sum_;
  mean.Divide(count_);
  return mean.Total();
}

}  // namespace narthex::promql
