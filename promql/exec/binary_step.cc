// SPDX-License-Identifier: Apache-2.0
//
// Operators on two samples, at least one of which may be a native histogram.
#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "promql/exec/binary.h"
#include "promql/functions/scalar.h"

namespace narthex::promql {
namespace {

using model::FloatHistogram;

BinaryOutcome Incompatible(const BinaryNotes& notes, bool left_histogram, bool right_histogram) {
  const std::string op(BinaryOpName(notes.op));
  const char* const names[] = {"float", "histogram"};
  notes.annotations->AddInfo(
      "PromQL info: incompatible sample types encountered for binary operator " + go::Quote(op) +
          ": " + names[left_histogram] + " " + op + " " + names[right_histogram],
      notes.position);
  BinaryOutcome outcome;
  outcome.valid = false;
  return outcome;
}

BinaryOutcome Of(FloatHistogram h) {
  BinaryOutcome outcome;
  outcome.h = std::make_shared<const FloatHistogram>(std::move(h));
  return outcome;
}

BinaryOutcome Floats(const BinaryNotes& notes, double lv, double rv) {
  if (notes.op == BinaryOp::kTrimUpper || notes.op == BinaryOp::kTrimLower) {
    return Incompatible(notes, false, false);
  }
  BinaryOutcome outcome;
  const double result = ScalarBinary(notes.op, lv, rv);
  if (IsComparison(notes.op)) {
    outcome.keep = result != 0;
    outcome.v = lv;
  } else {
    outcome.v = result;
  }
  return outcome;
}

BinaryOutcome HistogramAndFloat(const BinaryNotes& notes, const FloatHistogram& lh, double rv) {
  FloatHistogram h = lh;
  switch (notes.op) {
    case BinaryOp::kMul:
      model::Multiply(h, rv);
      model::Compact(h);
      return Of(std::move(h));
    case BinaryOp::kDiv:
      model::Divide(h, rv);
      model::Compact(h);
      return Of(std::move(h));
    case BinaryOp::kTrimUpper:
      model::Trim(h, rv, model::TrimSide::kUpper);
      return Of(std::move(h));
    case BinaryOp::kTrimLower:
      model::Trim(h, rv, model::TrimSide::kLower);
      return Of(std::move(h));
    default:
      return Incompatible(notes, true, false);
  }
}

BinaryOutcome FloatAndHistogram(const BinaryNotes& notes, double lv, const FloatHistogram& rh) {
  if (notes.op != BinaryOp::kMul) return Incompatible(notes, false, true);
  FloatHistogram h = rh;
  model::Multiply(h, lv);
  model::Compact(h);
  return Of(std::move(h));
}

BinaryOutcome SumOrDifference(const BinaryNotes& notes, const FloatHistogram& lh,
                              const FloatHistogram& rh) {
  const bool add = notes.op == BinaryOp::kAdd;
  FloatHistogram h = lh;
  const model::AddOutcome added = add ? model::Add(h, rh) : model::Subtract(h, rh);
  BinaryOutcome outcome;
  if (!added.compatible) {
    notes.annotations->AddWarning(
        "PromQL warning: incompatible bucket layout encountered for binary operator " +
            std::string(BinaryOpName(notes.op)),
        notes.position);
    outcome.valid = false;
    return outcome;
  }
  if (!add) h.counter_reset_hint = model::CounterResetHint::kGauge;
  const std::string operation = add ? "addition" : "subtraction";
  if (added.reset_collision) {
    notes.annotations->AddWarning(
        "PromQL warning: conflicting counter resets during histogram " + operation, notes.position);
    outcome.valid = false;
    return outcome;
  }
  if (added.bounds_reconciled) {
    notes.annotations->AddInfo(
        "PromQL info: mismatched custom buckets were reconciled during " + operation,
        notes.position);
  }
  model::Compact(h);
  return Of(std::move(h));
}

BinaryOutcome Histograms(const BinaryNotes& notes, const HistogramPtr& lh, const HistogramPtr& rh) {
  switch (notes.op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
      return SumOrDifference(notes, *lh, *rh);
    case BinaryOp::kEq:
    case BinaryOp::kNe: {
      BinaryOutcome outcome;
      outcome.keep = model::SameHistogram(*lh, *rh) == (notes.op == BinaryOp::kEq);
      outcome.h = lh;
      return outcome;
    }
    default:
      return Incompatible(notes, true, true);
  }
}

}  // namespace

BinaryOutcome ApplyToStep(const BinaryNotes& notes, double lv, const HistogramPtr* lh, double rv,
                          const HistogramPtr* rh) {
  if (lh == nullptr && rh == nullptr) return Floats(notes, lv, rv);
  if (rh == nullptr) return HistogramAndFloat(notes, **lh, rv);
  if (lh == nullptr) return FloatAndHistogram(notes, lv, **rh);
  return Histograms(notes, *lh, *rh);
}

}  // namespace narthex::promql
