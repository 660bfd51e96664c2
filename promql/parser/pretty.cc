// SPDX-License-Identifier: Apache-2.0
//
// The form of /api/v1/format_query. A node's text goes on one line while it is short; otherwise
// its parts do, one level deeper.
#include <string>

#include "narthex/promql/printer.h"
#include "promql/parser/functions.h"
#include "promql/parser/print_parts.h"

namespace narthex::promql {
namespace {

constexpr std::size_t kMaxLineBytes = 100;

std::string Indent(int level) { return std::string(static_cast<std::size_t>(level) * 2, ' '); }

std::string PrettyAt(const Expr& expr, int level);

std::string PrettyArgs(const Call& call, int level) {
  std::string out;
  std::string_view separator;
  for (const auto& arg : call.args) {
    out.append(separator).append(PrettyAt(*arg, level));
    separator = ",\n";
  }
  return out;
}

std::string PrettyAggregate(const AggregateExpr& expr, int level) {
  std::string out = Indent(level) + AggregatePrefix(expr) + "(\n";
  if (expr.param != nullptr) out += PrettyAt(*expr.param, level + 1) + ",\n";
  return out + PrettyAt(*expr.expr, level + 1) + "\n" + Indent(level) + ")";
}

std::string PrettyBinary(const BinaryExpr& expr, int level) {
  return PrettyAt(*expr.lhs, level + 1) + "\n" + Indent(level) + BinaryOperatorText(expr) + "\n" +
         PrettyAt(*expr.rhs, level + 1);
}

// The sign goes before the operand's first character, after its indentation.
std::string PrettyUnary(const UnaryExpr& expr, int level) {
  const std::string operand = PrettyAt(*expr.expr, level);
  const std::size_t text = operand.find_first_not_of(" \n");
  return Indent(level) + (expr.negative ? "-" : "+") + operand.substr(text);
}

std::string PrettyAt(const Expr& expr, int level) {
  if (expr.kind == ExprKind::kUnary) return PrettyUnary(*As<UnaryExpr>(expr), level);
  std::string line = ToString(expr);
  if (line.size() <= kMaxLineBytes) {
    // Upstream does not indent a short subquery.
    return expr.kind == ExprKind::kSubquery ? line : Indent(level) + line;
  }
  switch (expr.kind) {
    case ExprKind::kAggregate:
      return PrettyAggregate(*As<AggregateExpr>(expr), level);
    case ExprKind::kBinary:
      return PrettyBinary(*As<BinaryExpr>(expr), level);
    case ExprKind::kCall:
      return Indent(level) + std::string(As<Call>(expr)->function->name) + "(\n" +
             PrettyArgs(*As<Call>(expr), level + 1) + "\n" + Indent(level) + ")";
    case ExprKind::kParen:
      return Indent(level) + "(\n" + PrettyAt(*As<ParenExpr>(expr)->expr, level + 1) + "\n" +
             Indent(level) + ")";
    case ExprKind::kSubquery:
      return PrettyAt(*As<SubqueryExpr>(expr)->expr, level) +
             SubquerySuffix(*As<SubqueryExpr>(expr));
    case ExprKind::kStepInvariant:
      return PrettyAt(*As<StepInvariantExpr>(expr)->expr, level);
    default:
      return Indent(level) + line;
  }
}

}  // namespace

std::string Pretty(const Expr& expr) { return PrettyAt(expr, 0); }

}  // namespace narthex::promql
