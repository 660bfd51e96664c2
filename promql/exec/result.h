// SPDX-License-Identifier: Apache-2.0
//
// From rows to the value of a query.
#pragma once

#include "narthex/promql/engine.h"
#include "promql/exec/operator.h"
#include "promql/plan/plan.h"

namespace narthex::promql {

/// Evaluates a prepared expression of any type at the grid's steps.
/// @param instant  the value is of the expression's own type, in the order of evaluation; else a
///                 matrix sorted by labels
Result<Value> Evaluate(const Expr& expr, const Grid& grid, bool instant, ExecContext& ctx);

}  // namespace narthex::promql
