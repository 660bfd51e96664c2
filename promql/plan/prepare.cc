// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include <fmt/core.h>

#include "promql/parser/functions.h"
#include "promql/plan/duration.h"
#include "promql/plan/plan.h"

namespace narthex::promql {
namespace {

/// Functions whose value depends on the evaluation time even when their arguments don't.
bool DependsOnTime(FunctionId id) {
  switch (id) {
    case FunctionId::kDaysInMonth:
    case FunctionId::kDayOfMonth:
    case FunctionId::kDayOfWeek:
    case FunctionId::kDayOfYear:
    case FunctionId::kHour:
    case FunctionId::kMinute:
    case FunctionId::kMonth:
    case FunctionId::kYear:
    case FunctionId::kPredictLinear:
    case FunctionId::kTime:
    case FunctionId::kTimestamp:
      return true;
    default:
      return false;
  }
}

class Preparer {
 public:
  explicit Preparer(const QueryTimes& times) : times_(times) {}

  /// @return whether the value is the same at every step
  Result<bool> Visit(ExprPtr& expr) {
    switch (expr->kind) {
      case ExprKind::kNumberLiteral:
      case ExprKind::kStringLiteral:
      case ExprKind::kDuration:
      case ExprKind::kStepInvariant:
        return true;
      case ExprKind::kVectorSelector:
        return VisitTime(As<VectorSelector>(*expr)->time);
      case ExprKind::kMatrixSelector: {
        auto& matrix = *As<MatrixSelector>(*expr);
        NX_RETURN_IF_ERROR(ResolveDuration(matrix.range_expr, true, matrix.range_ms));
        return VisitTime(matrix.selector->time);
      }
      case ExprKind::kSubquery:
        return VisitSubquery(*As<SubqueryExpr>(*expr));
      case ExprKind::kCall:
        return VisitCall(expr);
      case ExprKind::kAggregate: {
        auto& aggregate = *As<AggregateExpr>(*expr);
        DropParens(aggregate.expr);
        if (aggregate.param == nullptr) return Visit(aggregate.expr);
        DropParens(aggregate.param);
        return VisitPair(aggregate.expr, aggregate.param);
      }
      case ExprKind::kBinary:
        return VisitPair(As<BinaryExpr>(*expr)->lhs, As<BinaryExpr>(*expr)->rhs);
      case ExprKind::kUnary:
        return Visit(As<UnaryExpr>(*expr)->expr);
      case ExprKind::kParen:
        return Visit(As<ParenExpr>(*expr)->expr);
    }
    return false;
  }

  /// Whether anything was computed from the times.
  bool used_times() const { return used_times_; }

  static void Wrap(ExprPtr& expr) {
    const ExprKind kind = Strip(*expr).kind;
    // Literals cost nothing, and range vectors carry their own times.
    if (kind == ExprKind::kNumberLiteral || kind == ExprKind::kStringLiteral ||
        kind == ExprKind::kMatrixSelector || kind == ExprKind::kSubquery) {
      return;
    }
    auto wrapper = std::make_unique<StepInvariantExpr>();
    wrapper->type = expr->type;
    wrapper->position = expr->position;
    wrapper->height = expr->height + 1;
    wrapper->expr = std::move(expr);
    expr = std::move(wrapper);
  }

 private:
  static const Expr& Strip(const Expr& expr) {
    const Expr* e = &expr;
    while (const auto* paren = As<ParenExpr>(*e)) e = paren->expr.get();
    return *e;
  }

  /// So that what is said of an operand has its own position, not that of its parentheses.
  static void DropParens(ExprPtr& expr) {
    while (auto* paren = As<ParenExpr>(*expr)) {
      ExprPtr inner = std::move(paren->expr);
      expr = std::move(inner);
    }
  }

  Status ResolveDuration(DurationExprPtr& expr, bool positive, model::DurationMs& ms) {
    if (expr == nullptr) return {};
    used_times_ = true;  // Perhaps: it may name step() or range().
    NX_ASSIGN_OR_RETURN(ms, EvalDuration(*expr, times_, positive));
    expr = nullptr;
    return {};
  }

  Result<bool> VisitTime(TimeModifiers& time) {
    NX_RETURN_IF_ERROR(ResolveDuration(time.offset_expr, false, time.offset_ms));
    used_times_ = used_times_ || time.at == AtKind::kStart || time.at == AtKind::kEnd;
    if (time.at == AtKind::kStart) time.at_ms = times_.start;
    if (time.at == AtKind::kEnd) time.at_ms = times_.end;
    if (time.at != AtKind::kNone) time.at = AtKind::kTimestamp;
    return time.at != AtKind::kNone;
  }

  Result<bool> VisitPair(ExprPtr& a, ExprPtr& b) {
    NX_ASSIGN_OR_RETURN(const bool a_fixed, Visit(a));
    NX_ASSIGN_OR_RETURN(const bool b_fixed, Visit(b));
    if (a_fixed && b_fixed) return true;
    if (a_fixed) Wrap(a);
    if (b_fixed) Wrap(b);
    return false;
  }

  Result<bool> VisitSubquery(SubqueryExpr& subquery) {
    NX_RETURN_IF_ERROR(ResolveDuration(subquery.range_expr, true, subquery.range_ms));
    NX_RETURN_IF_ERROR(ResolveDuration(subquery.step_expr, true, subquery.step_ms));
    // Inside, the steps are the subquery's, so what is fixed there is marked even when the
    // subquery as a whole is not.
    NX_ASSIGN_OR_RETURN(const bool inner_fixed, Visit(subquery.expr));
    if (inner_fixed) Wrap(subquery.expr);
    return VisitTime(subquery.time);
  }

  Result<bool> VisitCall(ExprPtr& expr) {
    auto& call = *As<Call>(*expr);
    if (Fold(expr, call)) return true;
    bool fixed = !DependsOnTime(call.function->id);
    std::vector<bool> arg_fixed;
    for (ExprPtr& arg : call.args) {
      DropParens(arg);
      NX_ASSIGN_OR_RETURN(const bool one, Visit(arg));
      arg_fixed.push_back(one);
      fixed = fixed && one;
    }
    // timestamp() of a selector gives the samples' times, which @ fixes.
    if (call.function->id == FunctionId::kTimestamp &&
        Strip(*call.args[0]).kind == ExprKind::kVectorSelector) {
      fixed = arg_fixed[0];
      if (!fixed) return false;
    }
    if (fixed) return true;
    for (std::size_t i = 0; i < call.args.size(); ++i) {
      if (arg_fixed[i]) Wrap(call.args[i]);
    }
    return false;
  }

  /// Replaces start(), end(), step() and range() by numbers.
  bool Fold(ExprPtr& expr, const Call& call) {
    double value = 0;
    switch (call.function->id) {
      case FunctionId::kStart:
        value = static_cast<double>(times_.start) / 1000;
        break;
      case FunctionId::kEnd:
        value = static_cast<double>(times_.end) / 1000;
        break;
      case FunctionId::kStep:
        value = static_cast<double>(times_.step) / 1000;
        break;
      case FunctionId::kRange:
        value = static_cast<double>(times_.end - times_.start) / 1000;
        break;
      default:
        return false;
    }
    used_times_ = true;
    auto number = std::make_unique<NumberLiteral>();
    number->value = value;
    number->position = expr->position;
    expr = std::move(number);
    return true;
  }

  const QueryTimes times_;
  bool used_times_ = false;
};

}  // namespace

Result<bool> Prepare(ExprPtr& expr, const QueryTimes& times) {
  Preparer preparer(times);
  NX_ASSIGN_OR_RETURN(const bool fixed, preparer.Visit(expr));
  if (fixed) Preparer::Wrap(expr);
  return preparer.used_times();
}

}  // namespace narthex::promql
