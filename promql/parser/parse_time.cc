// SPDX-License-Identifier: Apache-2.0
//
// What follows an operand and says at which times it is read: [range], [range:step], offset, @,
// anchored and smoothed.
#include <cmath>
#include <limits>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "promql/parser/parser_impl.h"
#include "promql/parser/print_parts.h"

namespace narthex::promql {
namespace {

constexpr std::string_view kDurationStart = "number, duration, step(), or range()";

// Doubles from which a conversion to 64 bits overflows.
constexpr double kTooLarge = 9223372036854775808.0;

std::int64_t ToInt64(double v) {
  if (v >= kTooLarge || v < -kTooLarge || std::isnan(v)) {
    return std::numeric_limits<std::int64_t>::min();
  }
  return static_cast<std::int64_t>(v);
}

// The written length of a range or step: a number becomes milliseconds, the rest an expression.
void SetDuration(ExprPtr duration, model::DurationMs& ms, DurationExprPtr& expr) {
  if (const auto* number = As<NumberLiteral>(*duration)) {
    ms = SecondsToNs(number->value) / 1'000'000;
  } else {
    expr = AsDuration(std::move(duration));
  }
}

}  // namespace

std::int64_t SecondsToNs(double seconds) { return ToInt64(std::round(seconds * 1e9)); }

model::DurationMs SecondsToMs(double seconds) { return ToInt64(seconds * 1e9) / 1'000'000; }

ExprPtr Parser::ParseBrackets(ExprPtr expr) {
  const Token open = Take();
  ExprPtr range;
  {
    const ErrorScope scope(*this, "subquery or range selector", kDurationStart);
    range = ParsePositiveDuration();
  }
  if (failed()) return nullptr;
  if (TakeIf(TokenKind::kRightBracket)) return MakeMatrix(std::move(expr), std::move(range), open);
  if (!TakeIf(TokenKind::kColon)) {
    Unexpected("subquery or range", R"(":" or "]")");
    return nullptr;
  }
  ExprPtr step;
  if (PeekKind() != TokenKind::kRightBracket) {
    const ErrorScope scope(*this, "subquery selector",
                           R"(number, duration, step(), range(), or "]")");
    step = ParsePositiveDuration();
  }
  if (failed()) return nullptr;
  if (!TakeIf(TokenKind::kRightBracket)) {
    Unexpected("subquery selector", R"("]")");
    return nullptr;
  }
  return MakeSubquery(std::move(expr), std::move(range), std::move(step), last_closing_);
}

ExprPtr Parser::ParsePositiveDuration() {
  ExprPtr duration = ParseDuration(0);
  if (failed()) return nullptr;
  Peek();  // Whatever comes next is read first, so that its error is reported first.
  const auto* number = As<NumberLiteral>(*duration);
  if (number != nullptr && number->value <= 0) {
    Fail(number->position.start, "duration must be greater than 0");
  }
  return failed() ? nullptr : std::move(duration);
}

ExprPtr Parser::MakeMatrix(ExprPtr expr, ExprPtr range, const Token& open) {
  auto* selector = As<VectorSelector>(*expr);
  if (selector == nullptr) {
    Fail(open.start, "ranges only allowed for vector selectors");
  } else if (selector->time.offset_given && selector->time.offset_expr == nullptr) {
    Fail(open.start, "no offset modifiers allowed before range");
  } else if (selector->time.at == AtKind::kTimestamp) {
    Fail(open.start, "no @ modifiers allowed before range");
  }
  if (failed()) return nullptr;
  auto matrix = std::make_unique<MatrixSelector>();
  matrix->position = {expr->position.start, last_closing_};
  matrix->selector.reset(static_cast<VectorSelector*>(expr.release()));
  SetDuration(std::move(range), matrix->range_ms, matrix->range_expr);
  if (!SetHeight(*matrix)) return nullptr;
  return matrix;
}

ExprPtr Parser::MakeSubquery(ExprPtr expr, ExprPtr range, ExprPtr step, int end) {
  auto subquery = std::make_unique<SubqueryExpr>();
  subquery->position = {expr->position.start, end};
  subquery->expr = std::move(expr);
  SetDuration(std::move(range), subquery->range_ms, subquery->range_expr);
  if (step != nullptr) SetDuration(std::move(step), subquery->step_ms, subquery->step_expr);
  if (!SetHeight(*subquery)) return nullptr;
  return subquery;
}

// Where offset and @ of an expression are kept; null and an error when it can't have them.
TimeModifiers* Parser::ModifiersOf(Expr& expr, std::string_view modifier) {
  if (auto* selector = As<VectorSelector>(expr)) return &selector->time;
  if (auto* matrix = As<MatrixSelector>(expr)) return &matrix->selector->time;
  if (auto* subquery = As<SubqueryExpr>(expr)) return &subquery->time;
  Fail(expr.position.start,
       fmt::format("{} modifier must be preceded by an instant vector selector or range vector "
                   "selector or a subquery",
                   modifier));
  return nullptr;
}

bool Parser::ParseOffset(Expr& expr) {
  Take();
  ExprPtr duration;
  {
    const ErrorScope scope(*this, "offset", kDurationStart);
    duration = ParseOffsetDuration();
  }
  if (failed()) return false;
  TimeModifiers* time = ModifiersOf(expr, "offset");
  if (time == nullptr) return false;
  if (time->offset_given) {
    Fail(expr.position.start, "offset may not be set multiple times");
    return false;
  }
  if (const auto* number = As<NumberLiteral>(*duration)) {
    const std::int64_t ns = SecondsToNs(number->value);
    time->offset_ms = ns / 1'000'000;
    time->offset_given = ns != 0;
    time->offset_negative = ns < 0;
  } else {
    time->offset_expr = AsDuration(std::move(duration));
    time->offset_given = true;
  }
  expr.position.end = last_closing_;
  return true;
}

bool Parser::ParseAt(Expr& expr) {
  Take();
  const ErrorScope scope(*this, "@", "timestamp");
  if (PeekKind() == TokenKind::kStart || PeekKind() == TokenKind::kEnd) {
    const AtKind kind = Take().kind == TokenKind::kStart ? AtKind::kStart : AtKind::kEnd;
    if (!Expect(TokenKind::kLeftParen) || !Expect(TokenKind::kRightParen)) return false;
    TimeModifiers* time = ModifiersOf(expr, "@");
    if (time == nullptr) return false;
    if (time->at != AtKind::kNone) {
      Fail(expr.position.start, "@ <timestamp> may not be set multiple times");
      return false;
    }
    time->at = kind;
    expr.position.end = last_closing_;
    return true;
  }
  const auto seconds = ParseSignedNumber(false);
  return seconds && SetAtTime(expr, *seconds);
}

bool Parser::SetAtTime(Expr& expr, double seconds) {
  if (!std::isfinite(seconds) || seconds >= kTooLarge || seconds <= -kTooLarge) {
    Fail(expr.position.start,
         "timestamp out of bounds for @ modifier: " + go::FormatFloatFixed6(seconds));
    return false;
  }
  TimeModifiers* time = ModifiersOf(expr, "@");
  if (time == nullptr) return false;
  if (time->at != AtKind::kNone) {
    Fail(expr.position.start, "@ <timestamp> may not be set multiple times");
    return false;
  }
  time->at = AtKind::kTimestamp;
  time->at_ms = ToInt64(std::round(seconds * 1000));
  expr.position.end = last_closing_;
  return true;
}

bool Parser::SetExtended(Expr& expr, bool anchored) {
  const std::string_view word = anchored ? "anchored" : "smoothed";
  const auto fail = [&](std::string_view why) {
    Fail(expr.position.start, fmt::format("{} modifier {}", word, why));
    return false;
  };
  if (!features_.extended_range_selectors) return fail("is experimental and not enabled");
  if (expr.kind == ExprKind::kSubquery) return fail("is not supported for subqueries");
  auto* selector = As<VectorSelector>(expr);
  if (auto* matrix = As<MatrixSelector>(expr)) selector = matrix->selector.get();
  if (selector == nullptr) return fail("not implemented");
  (anchored ? selector->anchored : selector->smoothed) = true;
  if (selector->anchored && selector->smoothed) {
    Fail(expr.position.start, "anchored and smoothed modifiers cannot be used together");
    return false;
  }
  return true;
}

}  // namespace narthex::promql
