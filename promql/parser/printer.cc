// SPDX-License-Identifier: Apache-2.0
#include "narthex/promql/printer.h"

#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"
#include "promql/parser/functions.h"
#include "promql/parser/print_parts.h"

namespace narthex::promql {
namespace {

void AppendExpr(std::string& out, const Expr& expr);

void AppendLabels(std::string& out, const std::vector<std::string>& labels) {
  std::string_view separator;
  for (const auto& label : labels) {
    out += separator;
    out += model::IsLegacyLabelName(label) ? label : go::Quote(label);
    separator = ", ";
  }
}

void AppendNumber(std::string& out, const NumberLiteral& number) {
  if (number.duration) {
    if (number.value < 0) out += '-';
    out += model::FormatDuration(SecondsToMs(number.value < 0 ? -number.value : number.value));
  } else {
    go::AppendFloatF(out, number.value);
  }
}

void AppendMatchers(std::string& out, const VectorSelector& selector) {
  std::vector<std::string> texts;
  for (const auto& m : selector.matchers) {
    const bool is_name = m.name() == model::kMetricName && m.type() == model::MatchType::kEqual &&
                         m.value() == selector.name && !m.value().empty();
    if (!is_name) texts.push_back(m.ToString());
  }
  if (texts.empty()) {
    // As the second argument of info(); upstream prints nothing, which does not parse back.
    if (selector.name.empty()) out += "{}";
    return;
  }
  std::sort(texts.begin(), texts.end());
  char separator = '{';
  for (const auto& text : texts) {
    out += separator;
    out += text;
    separator = ',';
  }
  out += '}';
}

void AppendOffset(std::string& out, const TimeModifiers& time) {
  if (time.offset_expr != nullptr) {
    out += " offset ";
    AppendExpr(out, *time.offset_expr);
  } else if (time.offset_given) {
    out += time.offset_negative ? " offset -" : " offset ";
    out += model::FormatDuration(time.offset_ms < 0 ? -time.offset_ms : time.offset_ms);
  }
}

void AppendAt(std::string& out, const TimeModifiers& time) {
  switch (time.at) {
    case AtKind::kNone:
      return;
    case AtKind::kTimestamp:
      out += fmt::format(" @ {:.3f}", static_cast<double>(time.at_ms) / 1000.0);
      return;
    case AtKind::kStart:
      out += " @ start()";
      return;
    case AtKind::kEnd:
      out += " @ end()";
      return;
  }
}

void AppendExtended(std::string& out, const VectorSelector& selector) {
  if (selector.anchored) {
    out += " anchored";
  } else if (selector.smoothed) {
    out += " smoothed";
  }
}

void AppendDuration(std::string& out, model::DurationMs ms, const DurationExprPtr& expr) {
  if (expr != nullptr) {
    AppendExpr(out, *expr);
  } else {
    out += model::FormatDuration(ms);
  }
}

void AppendMatrix(std::string& out, const MatrixSelector& matrix) {
  const VectorSelector& selector = *matrix.selector;
  out += selector.name;
  AppendMatchers(out, selector);
  out += '[';
  AppendDuration(out, matrix.range_ms, matrix.range_expr);
  out += ']';
  AppendExtended(out, selector);
  AppendAt(out, selector.time);
  AppendOffset(out, selector.time);
}

void AppendDurationExpr(std::string& out, const DurationExpr& expr) {
  if (expr.wrapped) out += '(';
  switch (expr.op) {
    case DurationOp::kStep:
      out += "step()";
      break;
    case DurationOp::kRange:
      out += "range()";
      break;
    case DurationOp::kMin:
    case DurationOp::kMax:
      out += DurationOpName(expr.op);
      out += '(';
      AppendExpr(out, *expr.lhs);
      out += ", ";
      AppendExpr(out, *expr.rhs);
      out += ')';
      break;
    default:
      if (expr.lhs != nullptr) {
        AppendExpr(out, *expr.lhs);
        out.append(" ").append(DurationOpName(expr.op)).append(" ");
      } else if (expr.op == DurationOp::kSub) {
        out += '-';
      }
      AppendExpr(out, *expr.rhs);
  }
  if (expr.wrapped) out += ')';
}

void AppendCall(std::string& out, const Call& call) {
  out += call.function->name;
  std::string_view separator = "(";
  for (const auto& arg : call.args) {
    out += separator;
    AppendExpr(out, *arg);
    separator = ", ";
  }
  out += call.args.empty() ? "()" : ")";
}

void AppendExpr(std::string& out, const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNumberLiteral:
      return AppendNumber(out, *As<NumberLiteral>(expr));
    case ExprKind::kStringLiteral:
      out += go::Quote(As<StringLiteral>(expr)->value);
      return;
    case ExprKind::kVectorSelector: {
      const auto& selector = *As<VectorSelector>(expr);
      out += selector.name;
      AppendMatchers(out, selector);
      AppendAt(out, selector.time);
      AppendExtended(out, selector);
      return AppendOffset(out, selector.time);
    }
    case ExprKind::kMatrixSelector:
      return AppendMatrix(out, *As<MatrixSelector>(expr));
    case ExprKind::kSubquery:
      AppendExpr(out, *As<SubqueryExpr>(expr)->expr);
      out += SubquerySuffix(*As<SubqueryExpr>(expr));
      return;
    case ExprKind::kCall:
      return AppendCall(out, *As<Call>(expr));
    case ExprKind::kAggregate: {
      const auto& aggregate = *As<AggregateExpr>(expr);
      out += AggregatePrefix(aggregate);
      out += '(';
      if (aggregate.param != nullptr) {
        AppendExpr(out, *aggregate.param);
        out += ", ";
      }
      AppendExpr(out, *aggregate.expr);
      out += ')';
      return;
    }
    case ExprKind::kBinary: {
      const auto& binary = *As<BinaryExpr>(expr);
      AppendExpr(out, *binary.lhs);
      out.append(" ").append(BinaryOperatorText(binary)).append(" ");
      return AppendExpr(out, *binary.rhs);
    }
    case ExprKind::kUnary:
      out += As<UnaryExpr>(expr)->negative ? '-' : '+';
      return AppendExpr(out, *As<UnaryExpr>(expr)->expr);
    case ExprKind::kParen:
      out += '(';
      AppendExpr(out, *As<ParenExpr>(expr)->expr);
      out += ')';
      return;
    case ExprKind::kStepInvariant:
      return AppendExpr(out, *As<StepInvariantExpr>(expr)->expr);
    case ExprKind::kDuration:
      return AppendDurationExpr(out, *As<DurationExpr>(expr));
  }
}

}  // namespace

std::string_view DurationOpName(DurationOp op) {
  switch (op) {
    case DurationOp::kStep:
      return "step";
    case DurationOp::kRange:
      return "range";
    case DurationOp::kMin:
      return "min_of";
    case DurationOp::kMax:
      return "max_of";
    default:
      return BinaryOpName(static_cast<BinaryOp>(op));
  }
}

std::string SubquerySuffix(const SubqueryExpr& expr) {
  std::string out = "[";
  AppendDuration(out, expr.range_ms, expr.range_expr);
  out += ':';
  if (expr.step_expr != nullptr || expr.step_ms != 0) {
    AppendDuration(out, expr.step_ms, expr.step_expr);
  }
  out += ']';
  AppendAt(out, expr.time);
  AppendOffset(out, expr.time);
  return out;
}

std::string AggregatePrefix(const AggregateExpr& expr) {
  std::string out(AggregateOpName(expr.op));
  if (!expr.without && expr.grouping.empty()) return out;
  out += expr.without ? " without (" : " by (";
  AppendLabels(out, expr.grouping);
  out += ") ";
  return out;
}

std::string BinaryOperatorText(const BinaryExpr& expr) {
  std::string out(BinaryOpName(expr.op));
  if (expr.return_bool) out += " bool";
  if (expr.matching) out += ToString(*expr.matching);
  return out;
}

std::string ToString(const VectorMatching& matching) {
  std::string out;
  const bool grouped = matching.card == MatchCardinality::kManyToOne ||
                       matching.card == MatchCardinality::kOneToMany;
  if (!matching.labels.empty() || matching.on || grouped) {
    out += matching.on ? " on (" : " ignoring (";
    AppendLabels(out, matching.labels);
    out += ')';
  }
  if (grouped) {
    out += matching.card == MatchCardinality::kManyToOne ? " group_left (" : " group_right (";
    AppendLabels(out, matching.include);
    out += ')';
  }
  const auto& [lhs, rhs] = std::tie(matching.fill_lhs, matching.fill_rhs);
  if (lhs && rhs && *lhs == *rhs) return out + " fill (" + go::FormatFloatG(*lhs) + ')';
  if (lhs) out += " fill_left (" + go::FormatFloatG(*lhs) + ')';
  if (rhs) out += " fill_right (" + go::FormatFloatG(*rhs) + ')';
  return out;
}

std::string ToString(const Expr& expr) {
  std::string out;
  AppendExpr(out, expr);
  return out;
}

}  // namespace narthex::promql
