// SPDX-License-Identifier: Apache-2.0
//
// The two sides of an operator between vectors. What the left side gave is there while the right
// one is evaluated: where that asks for the same once more (a / (a + b)), it is not read again.
#pragma once

#include "promql/exec/operator.h"

namespace narthex::promql {

/// A left side whose rows are there.
struct EvaluatedExpr {
  const Expr* expr = nullptr;
  Grid grid;
  const SubqueryFrame* subquery = nullptr;
  const Batch* rows = nullptr;
  bool unique_without_name = false;
  // What evaluating it left behind, to be left behind again.
  storage::Annotations notes;
  std::int64_t total_samples = 0, samples_read = 0;
  std::vector<std::int64_t> total_per_step, read_per_step;
  const EvaluatedExpr* next = nullptr;
};

struct Sides {
  OperatorPtr left_op, right_op;  // Their samples are held with them.
  Batch left, right;
};

/// Evaluates both sides, the left one first.
Result<Sides> CollectSides(const BinaryExpr& expr, const Grid& grid, Holding& holding,
                           ExecContext& ctx);

/// The rows of `expr` when they are there already; else null.
OperatorPtr BuildEvaluated(const Expr& expr, const Grid& grid, ExecContext& ctx);

}  // namespace narthex::promql
