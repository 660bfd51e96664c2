// SPDX-License-Identifier: Apache-2.0
#include "promql/plan/same.h"

#include <algorithm>
#include <bit>

namespace narthex::promql {
namespace {

bool SameNumber(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool SameFill(const std::optional<double>& a, const std::optional<double>& b) {
  return a.has_value() == b.has_value() && (!a || SameNumber(*a, *b));
}

// Duration expressions are numbers in a prepared expression.
bool SameTime(const TimeModifiers& a, const TimeModifiers& b) {
  return a.offset_ms == b.offset_ms && a.at == b.at &&
         (a.at == AtKind::kNone || a.at_ms == b.at_ms);
}

bool SameSelector(const VectorSelector& a, const VectorSelector& b) {
  return a.matchers == b.matchers && SameTime(a.time, b.time) && a.anchored == b.anchored &&
         a.smoothed == b.smoothed;
}

bool SameMatching(const std::optional<VectorMatching>& a, const std::optional<VectorMatching>& b) {
  if (!a || !b) return !a && !b;
  return a->card == b->card && a->labels == b->labels && a->on == b->on &&
         a->include == b->include && SameFill(a->fill_lhs, b->fill_lhs) &&
         SameFill(a->fill_rhs, b->fill_rhs);
}

/// Whether the nodes are the same but for their children.
bool SameNode(const Expr& a, const Expr& b) {
  switch (a.kind) {
    case ExprKind::kNumberLiteral:
      return SameNumber(As<NumberLiteral>(a)->value, As<NumberLiteral>(b)->value);
    case ExprKind::kStringLiteral:
      return As<StringLiteral>(a)->value == As<StringLiteral>(b)->value;
    case ExprKind::kVectorSelector:
      return SameSelector(*As<VectorSelector>(a), *As<VectorSelector>(b));
    case ExprKind::kMatrixSelector:
      return As<MatrixSelector>(a)->range_ms == As<MatrixSelector>(b)->range_ms;
    case ExprKind::kSubquery: {
      const auto &x = *As<SubqueryExpr>(a), &y = *As<SubqueryExpr>(b);
      return x.range_ms == y.range_ms && x.step_ms == y.step_ms && SameTime(x.time, y.time);
    }
    case ExprKind::kCall:
      return As<Call>(a)->function == As<Call>(b)->function;
    case ExprKind::kAggregate: {
      const auto &x = *As<AggregateExpr>(a), &y = *As<AggregateExpr>(b);
      return x.op == y.op && x.grouping == y.grouping && x.without == y.without;
    }
    case ExprKind::kBinary: {
      const auto &x = *As<BinaryExpr>(a), &y = *As<BinaryExpr>(b);
      return x.op == y.op && x.return_bool == y.return_bool && SameMatching(x.matching, y.matching);
    }
    case ExprKind::kUnary:
      return As<UnaryExpr>(a)->negative == As<UnaryExpr>(b)->negative;
    case ExprKind::kParen:
    case ExprKind::kStepInvariant:
      return true;
    case ExprKind::kDuration:
      return false;
  }
  return false;
}

std::vector<const Expr*> Children(const Expr& e) {
  std::vector<const Expr*> children;
  ForEachChild(e, [&](const Expr& child) { children.push_back(&child); });
  return children;
}

bool IsLost(const PositionRange& position) { return position.start == 0 && position.end == 0; }

/// Whether each part of b stands `by` bytes behind its counterpart.
bool IsMoved(const Expr& a, const Expr& b, int by) {
  const bool moved =
      b.position.start - a.position.start == by && b.position.end - a.position.end == by;
  if (!moved && !(IsLost(a.position) && IsLost(b.position))) return false;
  const auto of_a = Children(a), of_b = Children(b);
  return std::equal(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(),
                    [by](const Expr* x, const Expr* y) { return IsMoved(*x, *y, by); });
}

}  // namespace

bool SameExpr(const Expr& a, const Expr& b) {
  if (a.kind != b.kind || a.type != b.type || a.height != b.height || !SameNode(a, b)) return false;
  const auto of_a = Children(a), of_b = Children(b);
  if (of_a.size() != of_b.size()) return false;
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    if (!SameExpr(*of_a[i], *of_b[i])) return false;
  }
  return true;
}

bool SameLayout(const Expr& a, const Expr& b) {
  return IsMoved(a, b, b.position.start - a.position.start);
}

bool ContainsExpr(const Expr& whole, const Expr& part) {
  if (whole.height < part.height) return false;
  if (SameExpr(whole, part)) return true;
  if (whole.kind == ExprKind::kSubquery) return false;
  bool found = false;
  ForEachChild(whole, [&](const Expr& child) { found = found || ContainsExpr(child, part); });
  return found;
}

}  // namespace narthex::promql
