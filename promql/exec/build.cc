// SPDX-License-Identifier: Apache-2.0
//
// From syntax tree to operators, and the operators that any node may need.
#include <algorithm>
#include <cmath>

#include "narthex/base/go_format.h"
#include "promql/exec/operator.h"
#include "promql/exec/sides.h"
#include "promql/exec/trace.h"
#include "promql/functions/scalar.h"

namespace narthex::promql {
namespace {

/// Rows that are there already.
class RowsOperator final : public Operator {
 public:
  RowsOperator(Batch rows, ExecContext& ctx) : rows_(std::move(rows)), holding_(ctx) {}
  Status Hold() {
    NX_RETURN_IF_ERROR(holding_.AddBytes(rows_.Bytes()));
    return holding_.AddSamples(rows_.SampleCount());
  }
  Status Next(Batch& out) override {
    out = std::move(rows_);
    rows_ = Batch(out.n_steps());
    return {};
  }

 private:
  Batch rows_;
  Holding holding_;
};

/// Evaluates the child at the first step only and repeats its rows at all steps.
class StepInvariantOperator final : public Operator {
 public:
  /// @param counted  samples that were counted while the child was built
  StepInvariantOperator(OperatorPtr child, std::int64_t counted, const Grid& grid, ExecContext& ctx)
      : child_(std::move(child)),
        counted_(counted),
        grid_(grid),
        ctx_(ctx),
        holding_(ctx),
        working_(ctx) {
    unique_without_name = child_->unique_without_name;
  }

  void LeaveOutLabels(std::span<const std::string> but) override { child_->LeaveOutLabels(but); }
  void KeepMetadataLabels() override { child_->KeepMetadataLabels(); }

  Status Next(Batch& out) override {
    NX_RETURN_IF_ERROR(ctx_.Check());
    if (next_ == once_.rows()) NX_RETURN_IF_ERROR(EvaluateOnce());
    // A batch of the child has a single step: repeated as a whole it would be very large.
    const std::size_t rows = std::min(RowsPerBatch(grid_.n), once_.rows() - next_);
    NX_RETURN_IF_ERROR(ResetHeld(out, grid_.n, rows, working_));
    for (std::size_t r = 0; r < rows; ++r) Repeat(next_++, out, r);
    return {};
  }

 private:
  /// Makes once_ the child's next batch; nothing at its end.
  Status EvaluateOnce() {
    next_ = 0;
    const std::int64_t before = ctx_.stats.total_queryable_samples;
    NX_RETURN_IF_ERROR(child_->Next(once_));
    const std::int64_t counted =
        std::exchange(counted_, 0) + ctx_.stats.total_queryable_samples - before;
    NX_RETURN_IF_ERROR(holding_.AddSamples(once_.SampleCount() * (grid_.n - 1)));
    return ctx_.CountAtLaterSteps(grid_, counted);
  }

  void Repeat(std::size_t from_row, Batch& out, std::size_t to_row) {
    out.metric(to_row) = std::move(once_.metric(from_row));
    out.drop_name(to_row) = once_.drop_name(from_row);
    RowRef from = once_.row(from_row), to = out.row(to_row);
    const HistogramPtr h = from.SharedHistogramAt(0);
    for (int s = 0; s < grid_.n; ++s) {
      if (h != nullptr) {
        to.Set(s, h);
      } else {
        to.Set(s, from.v[0]);
      }
    }
  }

  OperatorPtr child_;
  std::int64_t counted_;
  const Grid grid_;
  ExecContext& ctx_;
  Holding holding_;
  Holding working_;  // The rows that are passed on.
  Batch once_;
  std::size_t next_ = 0;  // Row of it that is to be passed on.
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
    NX_ASSIGN_OR_RETURN(out, Collect(*child_, grid_, holding_));
    child_.reset();
    if (!MergeEqualRows(out)) return Fail(SameLabelsetError());
    return holding_.AddSamples(out.SampleCount());
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
  // 64 Ki values fit the second-level cache; few rows would make the portions for threads uneven,
  // but over very many steps (of a subquery) even 64 rows are too much memory.
  const auto n = static_cast<std::size_t>(std::max(n_steps, 1));
  const std::size_t least = std::clamp<std::size_t>((std::size_t{1} << 23) / n, 1, 64);
  return std::clamp<std::size_t>(65536 / n, least, 4096);
}

Status ResetHeld(Batch& out, int n_steps, std::size_t rows, Holding& working) {
  working.Release();
  NX_RETURN_IF_ERROR(working.AddRows(rows, n_steps));
  out.Reset(n_steps, rows);
  return {};
}

Status AddHeldRow(Batch& rows, model::Labels metric, bool drop_name, Holding& holding) {
  // Twice, for the room that vectors have when they grow.
  NX_RETURN_IF_ERROR(holding.AddBytes(2 * Batch::RowBytes(rows.n_steps()) + metric.bytes().size()));
  rows.AddRow(std::move(metric), drop_name);
  return {};
}

Result<Scalars> Scalars::Make(int n_steps, double value, ExecContext& ctx) {
  Scalars scalars;
  scalars.holding_ = std::make_shared<Holding>(ctx);
  NX_RETURN_IF_ERROR(scalars.holding_->AddSamples(n_steps));
  const auto n = static_cast<std::size_t>(n_steps);
  NX_RETURN_IF_ERROR(scalars.holding_->AddBytes(n * sizeof(double)));
  scalars.values_.assign(n, value);
  return scalars;
}

void DropName(Batch& batch, std::size_t row, const ExecContext& ctx) {
  if (ctx.features.delayed_name_removal) {
    batch.drop_name(row) = 1;
  } else {
    DropMetadataLabels(batch.metric(row));
  }
}

Result<OperatorPtr> MakeRowsOperator(Batch rows, ExecContext& ctx) {
  auto op = std::make_unique<RowsOperator>(std::move(rows), ctx);
  NX_RETURN_IF_ERROR(op->Hold());
  return OperatorPtr(std::move(op));
}

Result<OperatorPtr> MakeOneRow(model::Labels metric, const Grid& grid, ExecContext& ctx,
                               const std::function<void(RowRef)>& fill) {
  Holding holding(ctx);
  NX_RETURN_IF_ERROR(holding.AddRows(1, grid.n));
  Batch rows(grid.n);
  fill(rows.AddRow(std::move(metric)));
  rows.DropEmptyRows();
  holding.Release();
  NX_ASSIGN_OR_RETURN(OperatorPtr op, MakeRowsOperator(std::move(rows), ctx));
  op->unique_without_name = true;
  return op;
}

OperatorPtr JoinRows(OperatorPtr child, const Grid& grid, ExecContext& ctx) {
  return std::make_unique<JoinOperator>(std::move(child), grid, ctx);
}

OperatorPtr JoinEqualRows(OperatorPtr child, const Grid& grid, ExecContext& ctx) {
  if (ctx.features.delayed_name_removal || child->unique_without_name) return child;
  OperatorPtr op = JoinRows(std::move(child), grid, ctx);
  op->unique_without_name = true;
  return op;
}

Result<Batch> Collect(Operator& op, const Grid& grid, Holding& holding) {
  Batch all(grid.n), batch;
  while (true) {
    NX_RETURN_IF_ERROR(holding.context().Check());
    NX_RETURN_IF_ERROR(op.Next(batch));
    if (batch.rows() == 0) return all;
    NX_RETURN_IF_ERROR(holding.AddBytes(batch.Bytes()));
    all.Append(std::move(batch));
    batch = Batch(grid.n);
  }
}

namespace {

Result<OperatorPtr> BuildNode(const Expr& expr, const Grid& grid, ExecContext& ctx) {
  NX_RETURN_IF_ERROR(ctx.Check());
  if (grid.n == 0) return MakeRowsOperator(Batch(0), ctx);
  if (ctx.evaluated != nullptr) {
    if (OperatorPtr op = BuildEvaluated(expr, grid, ctx)) return op;
  }
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
      const std::int64_t before = ctx.stats.total_queryable_samples;
      NX_ASSIGN_OR_RETURN(auto child, Build(*As<StepInvariantExpr>(expr)->expr, once, ctx));
      if (grid.n == 1) return child;
      const std::int64_t counted = ctx.stats.total_queryable_samples - before;
      return OperatorPtr(
          std::make_unique<StepInvariantOperator>(std::move(child), counted, grid, ctx));
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

Result<Scalars> EvalScalarNode(const Expr& expr, const Grid& grid, ExecContext& ctx) {
  NX_RETURN_IF_ERROR(ctx.Check());
  const auto n = static_cast<std::size_t>(grid.n);
  switch (expr.kind) {
    case ExprKind::kNumberLiteral:
      return Scalars::Make(grid.n, As<NumberLiteral>(expr)->value, ctx);
    case ExprKind::kParen:
      return EvalScalar(*As<ParenExpr>(expr)->expr, grid, ctx);
    case ExprKind::kStepInvariant: {
      if (n == 0) return Scalars();
      const Grid once{grid.start, grid.step, 1};
      const std::int64_t before = ctx.stats.total_queryable_samples;
      NX_ASSIGN_OR_RETURN(const Scalars value,
                          EvalScalar(*As<StepInvariantExpr>(expr)->expr, once, ctx));
      const std::int64_t counted = ctx.stats.total_queryable_samples - before;
      NX_ASSIGN_OR_RETURN(Scalars values, Scalars::Make(grid.n, value[0], ctx));
      NX_RETURN_IF_ERROR(ctx.CountAtLaterSteps(grid, counted));
      return values;
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
      if (binary.op == BinaryOp::kTrimUpper || binary.op == BinaryOp::kTrimLower) {
        return Fail(Code::kExecution, "operator " + go::Quote(BinaryOpName(binary.op)) +
                                          " not allowed for Scalar operations");
      }
      NX_ASSIGN_OR_RETURN(const Scalars lhs, EvalScalar(*binary.lhs, grid, ctx));
      NX_ASSIGN_OR_RETURN(const Scalars rhs, EvalScalar(*binary.rhs, grid, ctx));
      NX_ASSIGN_OR_RETURN(Scalars out, Scalars::Make(grid.n, 0, ctx));
      for (std::size_t i = 0; i < n; ++i) out[i] = ScalarBinary(binary.op, lhs[i], rhs[i]);
      NX_RETURN_IF_ERROR(ctx.TouchSamples(2));
      return out;
    }
    case ExprKind::kCall:
      return EvalScalarCall(*As<Call>(expr), grid, ctx);
    default:
      return Fail(Code::kInternal, "unexpected error: not a scalar expression");
  }
}

}  // namespace

Result<OperatorPtr> Build(const Expr& expr, const Grid& grid, ExecContext& ctx) {
  TraceNode* const node = AddTraceNode(expr, grid, ctx);
  const TraceScope scope(ctx, node);
  NX_ASSIGN_OR_RETURN(OperatorPtr op, BuildNode(expr, grid, ctx));
  return Traced(std::move(op), node, ctx);
}

Result<Scalars> EvalScalar(const Expr& expr, const Grid& grid, ExecContext& ctx) {
  TraceNode* const node = AddTraceNode(expr, grid, ctx);
  const TraceScope scope(ctx, node);
  NX_ASSIGN_OR_RETURN(Scalars values, EvalScalarNode(expr, grid, ctx));
  if (node != nullptr) {
    node->series = 1;
    node->samples = grid.n;
    node->bytes = static_cast<std::int64_t>(values.size() * sizeof(double));
  }
  return values;
}

}  // namespace narthex::promql
