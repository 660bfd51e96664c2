// SPDX-License-Identifier: Apache-2.0
//
// From rows to the value of a query.
#pragma once

#include "narthex/promql/engine.h"
#include "promql/exec/matrix_source.h"
#include "promql/exec/stream_gate.h"
#include "promql/plan/plan.h"

namespace narthex::promql {

/// Evaluates a prepared expression of any type at the grid's steps.
/// @param instant       the value is of the expression's own type, in the order of evaluation; else
///                      a matrix sorted by labels
/// @param[in,out] gate  counting at the end: the value is an empty matrix, whose series are those
/// of
///                      MakeMatrixSource, in their order
Result<Value> Evaluate(const Expr& expr, const Grid& grid, bool instant, StreamGate& gate,
                       ExecContext& ctx);

/// The series of a prepared expression whose value Evaluate gave as a matrix; a scalar has none.
Result<MatrixSourcePtr> MakeMatrixSource(const Expr& expr, const Grid& grid, ExecContext& ctx);

}  // namespace narthex::promql
