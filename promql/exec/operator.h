// SPDX-License-Identifier: Apache-2.0
//
// Operators: each gives its rows in batches, pulling from its children.
#pragma once

#include <memory>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/promql/ast.h"
#include "promql/exec/batch.h"
#include "promql/exec/context.h"

namespace narthex::promql {

class Operator {
 public:
  virtual ~Operator() = default;
  Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  /// Replaces `out` with the next rows, none of them empty over all steps. No rows: the end.
  virtual Status Next(Batch& out) = 0;

  /// Tells, before the first Next, that nobody looks at the labels of rows that have floats only:
  /// an operator may leave those out.
  virtual void LeaveOutLabels() {}

  /// Rows differ in more than the metric name, so that dropping it makes no duplicates.
  bool unique_without_name = false;
};
using OperatorPtr = std::unique_ptr<Operator>;
using Scalars = std::vector<double>;  // One per step.

/// The operator of a vector expression. What is scalar in it is evaluated here.
Result<OperatorPtr> Build(const Expr& expr, const Grid& grid, ExecContext& ctx);

/// A scalar expression at every step.
Result<Scalars> EvalScalar(const Expr& expr, const Grid& grid, ExecContext& ctx);

/// All rows of an operator.
Result<Batch> Collect(Operator& op, const Grid& grid);
Result<Batch> BuildAndCollect(const Expr& expr, const Grid& grid, ExecContext& ctx);

/// Rows that are ready, in portions.
OperatorPtr MakeRowsOperator(Batch rows);

/// Joins rows with equal labels that have no step in common; others are an error.
OperatorPtr JoinRows(OperatorPtr child, const Grid& grid, ExecContext& ctx);

/// Where a child's names were dropped: joins rows that became equal, or fails as Prometheus does.
OperatorPtr JoinEqualRows(OperatorPtr child, const Grid& grid, ExecContext& ctx);

/// Removes the name from a row, or notes that it has to go at the end.
void DropName(Batch& batch, std::size_t row, const ExecContext& ctx);

/// Without parentheses and step-invariant marks.
const Expr& Unwrapped(const Expr& expr);

/// A good number of rows for one batch.
std::size_t RowsPerBatch(int n_steps);

Error SameLabelsetError();

// One maker per kind of node; in the file of that name.
Result<OperatorPtr> BuildSelector(const VectorSelector& selector, const Grid& grid,
                                  ExecContext& ctx);
Result<OperatorPtr> BuildCall(const Call& call, const Grid& grid, ExecContext& ctx);
Result<OperatorPtr> BuildAggregate(const AggregateExpr& expr, const Grid& grid, ExecContext& ctx);
Result<OperatorPtr> BuildBinary(const BinaryExpr& expr, const Grid& grid, ExecContext& ctx);
Result<OperatorPtr> BuildUnary(const UnaryExpr& expr, const Grid& grid, ExecContext& ctx);

}  // namespace narthex::promql
