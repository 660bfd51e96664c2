// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic on durations, in brackets and after offset.
#include "promql/parser/parser_impl.h"
#include "promql/parser/precedence.h"

namespace narthex::promql {
namespace {

bool IsSign(TokenKind kind) { return kind == TokenKind::kAdd || kind == TokenKind::kSub; }

bool IsLiteral(TokenKind kind) {
  return kind == TokenKind::kNumber || kind == TokenKind::kDuration;
}

bool IsDurationCall(TokenKind kind) {
  return kind >= TokenKind::kStep && kind <= TokenKind::kMinOf;
}

bool IsDurationOp(TokenKind kind) { return kind >= TokenKind::kAdd && kind <= TokenKind::kPow; }

// Whether so many seconds don't fit 64 bits of nanoseconds.
bool OutOfRange(double seconds) {
  constexpr double kLimit = 9223372036854775808.0 / 1e9;
  return seconds > kLimit || seconds < -kLimit;
}

}  // namespace

bool Parser::CheckDurationsEnabled(const Expr& expr) {
  if (features_.duration_expressions) return true;
  Fail(expr.position.start, "experimental duration expression is not enabled");
  return false;
}

ExprPtr Parser::ParseDuration(int min_precedence) {
  if (!EnterNesting(Peek().start)) return nullptr;
  ExprPtr expr = ContinueDuration(ParseDurationOperand(), min_precedence);
  --nesting_;
  return expr;
}

ExprPtr Parser::ContinueDuration(ExprPtr lhs, int min_precedence) {
  while (!failed() && IsDurationOp(PeekKind()) && Precedence(PeekKind()) >= min_precedence) {
    const Token op = Take();
    ExprPtr rhs = ParseDuration(RightPrecedence(op.kind));
    if (failed()) return nullptr;
    Peek();
    lhs = CombineDurations(op, std::move(lhs), std::move(rhs));
  }
  return failed() ? nullptr : std::move(lhs);
}

ExprPtr Parser::CombineDurations(const Token& op, ExprPtr lhs, ExprPtr rhs) {
  if (!CheckDurationsEnabled(*lhs)) return nullptr;
  const auto* divisor = As<NumberLiteral>(*rhs);
  if (divisor != nullptr && divisor->value == 0) {
    if (op.kind == TokenKind::kDiv) Fail(op.start, "division by zero");
    if (op.kind == TokenKind::kMod) Fail(op.start, "modulo by zero");
    if (failed()) return nullptr;
  }
  auto expr = std::make_unique<DurationExpr>();
  expr->op = static_cast<DurationOp>(static_cast<int>(op.kind) - static_cast<int>(TokenKind::kAdd));
  expr->position = {lhs->position.start, rhs->position.end};
  expr->height = std::max(lhs->height, rhs->height) + 1;
  expr->lhs = std::move(lhs);
  expr->rhs = std::move(rhs);
  if (expr->height > kMaxDepth) {
    Fail(expr->position.start, "expression is nested too deeply");
    return nullptr;
  }
  return expr;
}

ExprPtr Parser::ParseDurationOperand() {
  const TokenKind kind = PeekKind();
  if (IsLiteral(kind)) return ParseDurationLiteral();
  if (IsDurationCall(kind)) return ParseDurationCall();
  if (kind == TokenKind::kLeftParen) return ParseDurationParen();
  if (IsSign(kind)) {
    const Token sign = Take();
    ExprPtr operand = ParseDuration(Precedence(TokenKind::kPow));
    return failed() ? nullptr : ApplySign(sign, std::move(operand));
  }
  SyntaxError();
  return nullptr;
}

ExprPtr Parser::ParseDurationLiteral() {
  ExprPtr literal = ParseNumber();
  if (failed()) return nullptr;
  if (OutOfRange(As<NumberLiteral>(*literal)->value)) {
    Fail(literal->position.start, "duration out of range");
    return nullptr;
  }
  return literal;
}

// step(), range(), min_of(a, b), max_of(a, b).
ExprPtr Parser::ParseDurationCall() {
  const Token word = Take();
  auto expr = std::make_unique<DurationExpr>();
  if (!Expect(TokenKind::kLeftParen)) return nullptr;
  if (word.kind == TokenKind::kStep || word.kind == TokenKind::kRange) {
    expr->op = word.kind == TokenKind::kStep ? DurationOp::kStep : DurationOp::kRange;
    if (!Expect(TokenKind::kRightParen)) return nullptr;
    expr->position = {word.start, last_closing_};
  } else {
    expr->op = word.kind == TokenKind::kMinOf ? DurationOp::kMin : DurationOp::kMax;
    expr->lhs = ParseDuration(0);
    if (failed() || !Expect(TokenKind::kComma)) return nullptr;
    expr->rhs = ParseDuration(0);
    if (failed() || !Expect(TokenKind::kRightParen)) return nullptr;
    // Upstream's errors about the value point at the arguments.
    expr->position = {expr->lhs->position.start, expr->rhs->position.end};
    expr->height = std::max(expr->lhs->height, expr->rhs->height) + 1;
  }
  if (!CheckDurationsEnabled(*expr)) return nullptr;
  return expr;
}

ExprPtr Parser::ParseDurationParen() {
  Take();
  ExprPtr inner = ParseDuration(0);
  if (failed() || !Expect(TokenKind::kRightParen) || !CheckDurationsEnabled(*inner)) return nullptr;
  if (auto* expr = As<DurationExpr>(*inner)) expr->wrapped = true;
  return inner;
}

ExprPtr Parser::ApplySign(const Token& sign, ExprPtr operand) {
  const bool negative = sign.kind == TokenKind::kSub;
  if (auto* number = As<NumberLiteral>(*operand)) {
    if (negative) number->value = -number->value;
    number->position.start = sign.start;
    return operand;
  }
  if (!negative) return operand;
  auto expr = std::make_unique<DurationExpr>();
  expr->op = DurationOp::kSub;
  expr->position = {sign.start, operand->position.end};
  expr->height = operand->height + 1;
  expr->rhs = std::move(operand);
  return expr;
}

// Only an offset that begins with parentheses (or two signs) goes on as a duration expression:
// `foo offset -2^2` is (foo offset -2)^2.
ExprPtr Parser::ParseOffsetDuration() {
  const TokenKind kind = PeekKind();
  if (IsLiteral(kind)) return ParseDurationLiteral();
  if (IsDurationCall(kind)) return ParseDurationCall();
  if (IsSign(kind)) return ParseSignedOffset();
  return ParseDuration(0);
}

ExprPtr Parser::ParseSignedOffset() {
  const Token sign = Take();
  const TokenKind kind = PeekKind();
  if (IsLiteral(kind)) {
    ExprPtr literal = ParseNumber();
    if (failed()) return nullptr;
    if (OutOfRange(As<NumberLiteral>(*literal)->value)) {
      Fail(sign.start, "duration out of range");
      return nullptr;
    }
    return ApplySign(sign, std::move(literal));
  }
  if (kind == TokenKind::kLeftParen) {
    Take();
    ExprPtr inner = ParseDuration(0);
    if (failed() || !Expect(TokenKind::kRightParen)) return nullptr;
    if (auto* expr = As<DurationExpr>(*inner)) expr->wrapped = true;
    return ApplySign(sign, std::move(inner));
  }
  if (IsDurationCall(kind)) {
    auto expr = std::make_unique<DurationExpr>();
    expr->op = sign.kind == TokenKind::kSub ? DurationOp::kSub : DurationOp::kAdd;
    expr->rhs = ParseDurationCall();
    if (failed()) return nullptr;
    expr->position = {sign.start, expr->rhs->position.end};
    expr->height = expr->rhs->height + 1;
    return expr;
  }
  if (!IsSign(kind)) {
    SyntaxError();
    return nullptr;
  }
  ExprPtr operand = ParseDuration(Precedence(TokenKind::kPow));
  if (failed()) return nullptr;
  return ContinueDuration(ApplySign(sign, std::move(operand)), 0);
}

}  // namespace narthex::promql
