// SPDX-License-Identifier: Apache-2.0
//
// Operators between a vector and a scalar, unary minus, and the choice among binary operators.
#include "narthex/model/float_histogram.h"
#include "promql/exec/binary.h"
#include "promql/functions/functions.h"

namespace narthex::promql {
namespace {

Result<OperatorPtr> BuildWithScalar(const BinaryExpr& expr, const Grid& grid, ExecContext& ctx) {
  const bool scalar_left = expr.lhs->type == ValueType::kScalar;
  OperatorPtr child;
  Scalars scalars;
  // The left side is evaluated first, whichever it is.
  if (scalar_left) {
    NX_ASSIGN_OR_RETURN(scalars, EvalScalar(*expr.lhs, grid, ctx));
    NX_ASSIGN_OR_RETURN(child, Build(*expr.rhs, grid, ctx));
  } else {
    NX_ASSIGN_OR_RETURN(child, Build(*expr.lhs, grid, ctx));
    NX_ASSIGN_OR_RETURN(scalars, EvalScalar(*expr.rhs, grid, ctx));
  }
  const BinaryNotes notes{expr.op, expr.return_bool, expr.position, &ctx.annotations};
  const auto fn = [notes, scalar_left, scalars = std::move(scalars)](RowRef row) {
    const Column vector = ColumnOf(row);
    // The scalar is there at every step.
    const Column scalar{scalars.data(), row.present, nullptr};
    ApplyBinary(notes, scalar_left ? scalar : vector, scalar_left ? vector : scalar, scalar_left,
                row);
  };
  const bool drop_name = ChangesQuantity(expr.op) || expr.return_bool;
  return MapRows(std::move(child), fn, drop_name, {.num_scalars = 1}, grid, ctx);
}

void Negate(RowRef row) {
  for (int s = 0; s < row.n_steps; ++s) {
    if (!row.Has(s)) continue;
    if (const model::FloatHistogram* h = row.HistogramAt(s)) {
      model::FloatHistogram negated = *h;
      model::Multiply(negated, -1);
      row.Set(s, std::move(negated));
    } else {
      row.v[s] = -row.v[s];
    }
  }
}

}  // namespace

Result<OperatorPtr> BuildBinary(const BinaryExpr& expr, const Grid& grid, ExecContext& ctx) {
  if (!expr.matching) return BuildWithScalar(expr, grid, ctx);
  if (IsSetOp(expr.op)) return BuildSet(expr, grid, ctx);
  return BuildMatch(expr, grid, ctx);
}

Result<OperatorPtr> BuildUnary(const UnaryExpr& expr, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(OperatorPtr child, Build(*expr.expr, grid, ctx));
  if (!expr.negative) return child;
  return MapRows(std::move(child), Negate, true, {.new_rows = false, .gathers = false}, grid, ctx);
}

}  // namespace narthex::promql
