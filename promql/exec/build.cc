// SPDX-License-Identifier: Apache-2.0
//
// From syntax tree to operators, and the operators that any node may need.
#include <cmath>

#include "promql/exec/operator.h"
#include "promql/functions/scalar.h"

namespace narthex::promql {
namespace {

/// Rows that are there already.
class RowsOperator final : public Operator {
 public:
  explicit RowsOperator(Batch rows) : rows_(std::move(rows)) {}
  Status Next(Batch& out) override {
    out = std::move(rows_);
    rows_ = Batch(out.n_steps());
    return {};
  }

 private:
  Batch rows_;
};

/// Evaluates the child at the first step only and repeats its rows at all steps.
class StepInvariantOperator final : public Operator {
 public:
  StepInvariantOperator(OperatorPtr child, const Grid& grid, ExecContext& ctx)
      : child_(std::move(child)), grid_(grid), ctx_(ctx), holding_(ctx) {
    unique_without_name = child_->unique_without_name;
  }

  void LeaveOutLabels() override { child_->LeaveOutLabels(); }

  Status Next(Batch& out) override {
    Batch once;
    const std::int64_t counted = ctx_.stats.total_queryable_samples;
    NX_RETURN_IF_ERROR(child_->Next(once));
    // The statistics count every step, though the samples were looked at only once.
    const std::int64_t per_step = ctx_.stats.total_queryable_samples - counted;
    for (int s = 1; s < grid_.n && per_step > 0; ++s) ctx_.CountSamples(grid_, s, per_step, 0);
    out.Reset(grid_.n, once.rows());
    for (std::size_t r = 0; r < once.rows(); ++r) {
      out.metric(r) = std::move(once.metric(r));
      out.drop_name(r) = once.drop_name(r);
      RowRef from = once.row(r), to = out.row(r);
      const HistogramPtr h = from.SharedHistogramAt(0);
      for (int s = 0; s < grid_.n; ++s) {
        if (h != nullptr) {
          to.Set(s, h);
        } else {
          to.Set(s, from.v[0]);
        }
      }
    }
    return holding_.AddSamples(out.SampleCount());
  }

 private:
  OperatorPtr child_;
  const Grid grid_;
  ExecContext& ctx_;
  Holding holding_;
};

class JoinOperator final : public Operator {
 public:
  JoinOperator(OperatorPtr child, const Grid& grid, ExecContext& ctx)
      : child_(std::move(child)), grid_(grid), holding_(ctx) {
    // When names were dropped the rows differ in the rest; when they were kept the child knows.
    unique_without_name = child_->unique_without_name;
  }
  Status Next(Batch& out) override {
    if (done_) {
      out.Reset(grid_.n, 0);
      return {};
    }
    done_ = true;
    NX_ASSIGN_OR_RETURN(out, Collect(*child_, grid_));
    child_.reset();
    NX_RETURN_IF_ERROR(holding_.AddBytes(out.Bytes()));
    if (!MergeEqualRows(out)) return Fail(SameLabelsetError());
    return {};
  }

 private:
  OperatorPtr child_;
  const Grid grid_;
  Holding holding_;
  bool done_ = false;
};

}  // namespace

Error SameLabelsetError() {
  return Error(Code::kExecution, "vector cannot contain metrics with the same labelset");
}

const Expr& Unwrapped(const Expr& expr) {
  const Expr* e = &expr;
  while (true) {
    if (const auto* paren = As<ParenExpr>(*e)) {
      e = paren->expr.get();
    } else if (const auto* invariant = As<StepInvariantExpr>(*e)) {
      e = invariant->expr.get();
    } else {
      return *e;
    }
  }
}

std::size_t RowsPerBatch(int n_steps) {
  // 64 Ki values fit the second-level cache; few rows would make the portions for threads uneven.
  return std::clamp<std::size_t>(65536 / static_cast<std::size_t>(std::max(n_steps, 1)), 64, 4096);
}

void DropName(Batch& batch, std::size_t row, const ExecContext& ctx) {
  if (ctx.features.delayed_name_removal) {
    batch.drop_name(row) = 1;
  } else {
    batch.metric(row) = DropMetadataLabels(batch.metric(row));
  }
}

OperatorPtr MakeRowsOperator(Batch rows) { return std::make_unique<RowsOperator>(std::move(rows)); }

OperatorPtr JoinRows(OperatorPtr child, const Grid& grid, ExecContext& ctx) {
  return std::make_unique<JoinOperator>(std::move(child), grid, ctx);
}

OperatorPtr JoinEqualRows(OperatorPtr child, const Grid& grid, ExecContext& ctx) {
  if (ctx.features.delayed_name_removal || child->unique_without_name) return child;
  OperatorPtr op = JoinRows(std::move(child), grid, ctx);
  op->unique_without_name = true;
  return op;
}

Result<Batch> Collect(Operator& op, const Grid& grid) {
  Batch all(grid.n), batch;
  while (true) {
    NX_RETURN_IF_ERROR(op.Next(batch));
    if (batch.rows() == 0) return all;
    all.Append(std::move(batch));
    batch = Batch(grid.n);
  }
}

Result<Batch> BuildAndCollect(const Expr& expr, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(const OperatorPtr op, Build(expr, grid, ctx));
  return Collect(*op, grid);
}

Result<OperatorPtr> Build(const Expr& expr, const Grid& grid, ExecContext& ctx) {
  NX_RETURN_IF_ERROR(ctx.Check());
  if (grid.n == 0) return MakeRowsOperator(Batch(0));
  switch (expr.kind) {
    case ExprKind::kVectorSelector:
      return BuildSelector(*As<VectorSelector>(expr), grid, ctx);
    case ExprKind::kCall:
      return BuildCall(*As<Call>(expr), grid, ctx);
    case ExprKind::kAggregate:
      return BuildAggregate(*As<AggregateExpr>(expr), grid, ctx);
    case ExprKind::kBinary:
      return BuildBinary(*As<BinaryExpr>(expr), grid, ctx);
    case ExprKind::kUnary:
      return BuildUnary(*As<UnaryExpr>(expr), grid, ctx);
    case ExprKind::kParen:
      return Build(*As<ParenExpr>(expr)->expr, grid, ctx);
    case ExprKind::kStepInvariant: {
      const Grid once{grid.start, grid.step, 1};
      NX_ASSIGN_OR_RETURN(auto child, Build(*As<StepInvariantExpr>(expr)->expr, once, ctx));
      if (grid.n == 1) return child;
      return OperatorPtr(std::make_unique<StepInvariantOperator>(std::move(child), grid, ctx));
    }
    case ExprKind::kNumberLiteral:
    case ExprKind::kStringLiteral:
    case ExprKind::kMatrixSelector:
    case ExprKind::kSubquery:
    case ExprKind::kDuration:
      break;
  }
  return Fail(Code::kInternal, "unexpected error: not an instant vector expression");
}

Result<Scalars> EvalScalar(const Expr& expr, const Grid& grid, ExecContext& ctx) {
  NX_RETURN_IF_ERROR(ctx.Check());
  const auto n = static_cast<std::size_t>(grid.n);
  switch (expr.kind) {
    case ExprKind::kNumberLiteral:
      return Scalars(n, As<NumberLiteral>(expr)->value);
    case ExprKind::kParen:
      return EvalScalar(*As<ParenExpr>(expr)->expr, grid, ctx);
    case ExprKind::kStepInvariant: {
      if (n == 0) return Scalars();
      const Grid once{grid.start, grid.step, 1};
      NX_ASSIGN_OR_RETURN(const Scalars value,
                          EvalScalar(*As<StepInvariantExpr>(expr)->expr, once, ctx));
      return Scalars(n, value[0]);
    }
    case ExprKind::kUnary: {
      NX_ASSIGN_OR_RETURN(Scalars values, EvalScalar(*As<UnaryExpr>(expr)->expr, grid, ctx));
      if (As<UnaryExpr>(expr)->negative) {
        for (double& v : values) v = -v;
      }
      return values;
    }
    case ExprKind::kBinary: {
      const auto& binary = *As<BinaryExpr>(expr);
      NX_ASSIGN_OR_RETURN(Scalars lhs, EvalScalar(*binary.lhs, grid, ctx));
      NX_ASSIGN_OR_RETURN(const Scalars rhs, EvalScalar(*binary.rhs, grid, ctx));
      for (std::size_t i = 0; i < n; ++i) lhs[i] = ScalarBinary(binary.op, lhs[i], rhs[i]);
      return lhs;
    }
    case ExprKind::kCall:
      return EvalScalarCall(*As<Call>(expr), grid, ctx);
    default:
      return Fail(Code::kInternal, "unexpected error: not a scalar expression");
  }
}

}  // namespace narthex::promql
