// SPDX-License-Identifier: Apache-2.0
//
// Operators: each gives its rows in batches, pulling from its children.
#pragma once

#include <memory>
#include <span>
#include <string>
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

  /// Tells, before the first Next, that of rows that have floats only nobody looks at the labels
  /// but at these, by name: an operator may leave the others out.
  /// @param but  ascends; outlives the operator
  virtual void LeaveOutLabels(std::span<const std::string>) {}

  /// The same for the metric name and the other metadata labels alone: they need not be dropped.
  virtual void KeepMetadataLabels() {}

  /// Rows differ in more than the metric name, so that dropping it makes no duplicates.
  bool unique_without_name = false;
};
using OperatorPtr = std::unique_ptr<Operator>;

/// A number per step. As upstream, they count as held samples for as long as a copy lives.
class Scalars {
 public:
  Scalars() = default;
  /// Outside of any query.
  explicit Scalars(std::vector<double> values) : values_(std::move(values)) {}
  /// Errors: kExecution when the query would hold too much.
  static Result<Scalars> Make(int n_steps, double value, ExecContext& ctx);

  double& operator[](std::size_t s) { return values_[s]; }
  double operator[](std::size_t s) const { return values_[s]; }
  std::size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  const double* data() const { return values_.data(); }
  auto begin() { return values_.begin(); }
  auto end() { return values_.end(); }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

 private:
  std::vector<double> values_;
  std::shared_ptr<Holding> holding_;
};

/// The operator of a vector expression. What is scalar in it is evaluated here.
Result<OperatorPtr> Build(const Expr& expr, const Grid& grid, ExecContext& ctx);

/// A scalar expression at every step.
Result<Scalars> EvalScalar(const Expr& expr, const Grid& grid, ExecContext& ctx);

/// All rows of an operator; their memory is held by `holding`.
Result<Batch> Collect(Operator& op, const Grid& grid, Holding& holding);

/// Adds a row whose memory is held first.
Status AddHeldRow(Batch& rows, model::Labels metric, bool drop_name, Holding& holding);

/// Rows that are ready; held for as long as the operator lives.
Result<OperatorPtr> MakeRowsOperator(Batch rows, ExecContext& ctx);

/// A single row that `fill` fills; nothing when it stays empty.
Result<OperatorPtr> MakeOneRow(model::Labels metric, const Grid& grid, ExecContext& ctx,
                               const std::function<void(RowRef)>& fill);

/// Samples of one step, when `samples` are spread evenly over all.
inline std::int64_t PerStep(std::int64_t samples, int n_steps) {
  return n_steps < 2 ? samples : (samples + n_steps - 1) / n_steps;
}

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

/// Makes `out` a batch of empty rows whose memory `working` holds instead of what it held.
Status ResetHeld(Batch& out, int n_steps, std::size_t rows, Holding& working);

Error SameLabelsetError();

// One maker per kind of node; in the file of that name.
Result<OperatorPtr> BuildSelector(const VectorSelector& selector, const Grid& grid,
                                  ExecContext& ctx);
Result<OperatorPtr> BuildCall(const Call& call, const Grid& grid, ExecContext& ctx);
Result<OperatorPtr> BuildAggregate(const AggregateExpr& expr, const Grid& grid, ExecContext& ctx);
Result<OperatorPtr> BuildBinary(const BinaryExpr& expr, const Grid& grid, ExecContext& ctx);
Result<OperatorPtr> BuildUnary(const UnaryExpr& expr, const Grid& grid, ExecContext& ctx);

}  // namespace narthex::promql
