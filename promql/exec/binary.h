// SPDX-License-Identifier: Apache-2.0
//
// Binary operators: on two numbers or histograms, on two columns, and between vectors.
#pragma once

#include <span>

#include "promql/exec/operator.h"

namespace narthex::promql {

/// What an operator between two samples has to say.
struct BinaryNotes {
  BinaryOp op;
  bool return_bool = false;
  PositionRange position;
  storage::Annotations* annotations = nullptr;
};

/// One side of an operation over all steps. Present where its bit is set; then a histogram where
/// there is one, else the float.
struct Column {
  const double* v = nullptr;
  const std::uint64_t* present = nullptr;
  const HistogramColumn* histograms = nullptr;

  const HistogramPtr* HistogramAt(int s) const {
    if (histograms == nullptr || (*histograms)[s] == nullptr) return nullptr;
    return &(*histograms)[s];
  }
};
Column ColumnOf(const RowRef& row);

/// out = lhs op rhs where both are present. A comparison without bool keeps the left value, or
/// the right one with `keep_right`. `out` may be one of the sides' own row, and starts empty
/// otherwise.
void ApplyBinary(const BinaryNotes& notes, const Column& lhs, const Column& rhs, bool keep_right,
                 RowRef out);

/// One step of the above. @return false when the pair gives nothing at all, not even 0 with bool
struct BinaryOutcome {
  bool valid = true;  // False: the operands do not fit; said in the annotations.
  bool keep = true;   // False: a comparison that does not hold.
  double v = 0;
  HistogramPtr h;
};
BinaryOutcome ApplyToStep(const BinaryNotes& notes, double lv, const HistogramPtr* lh, double rv,
                          const HistogramPtr* rh);

/// Arithmetic, atan2: the result is another quantity, so the name goes.
bool ChangesQuantity(BinaryOp op);

// binary_match.cc, binary_set.cc: between two vectors.
Result<OperatorPtr> BuildMatch(const BinaryExpr& expr, const Grid& grid, ExecContext& ctx);
Result<OperatorPtr> BuildSet(const BinaryExpr& expr, const Grid& grid, ExecContext& ctx);

}  // namespace narthex::promql
