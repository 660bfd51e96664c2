// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/promql/annotation_text.h"
#include "promql/parser/parser_impl.h"
#include "promql/parser/unquote.h"

namespace narthex::promql {
namespace {

bool ClosesSomething(TokenKind kind) {
  switch (kind) {
    case TokenKind::kRightBrace:
    case TokenKind::kRightParen:
    case TokenKind::kRightBracket:
    case TokenKind::kDuration:
    case TokenKind::kNumber:
      return true;
    default:
      return false;
  }
}

}  // namespace

const Token& Parser::Peek() {
  if (!peeked_) {
    peeked_ = lexer_.Next();
    if (peeked_->kind == TokenKind::kError) Fail(lexer_.start(), std::string(peeked_->text));
    if (ClosesSomething(peeked_->kind)) last_closing_ = peeked_->end();
  }
  return *peeked_;
}

Token Parser::Take() {
  const Token token = Peek();
  peeked_.reset();
  return token;
}

bool Parser::TakeIf(TokenKind kind) {
  if (PeekKind() != kind) return false;
  peeked_.reset();
  return true;
}

bool Parser::Expect(TokenKind kind) {
  if (TakeIf(kind)) return true;
  SyntaxError();
  return false;
}

void Parser::Fail(int start, std::string message) {
  if (failed()) return;
  error_ = fmt::format("{}: parse error: {}", PositionText(lexer_.input(), start), message);
}

void Parser::Unexpected(std::string_view context, std::string_view expected) {
  const Token& token = Peek();
  if (failed()) return;
  std::string message = "unexpected " + Describe(token);
  if (!context.empty()) message.append(" in ").append(context);
  if (!expected.empty()) message.append(", expected ").append(expected);
  Fail(token.start, std::move(message));
}

bool Parser::EnterNesting(int start) {
  if (++nesting_ <= kMaxDepth) return true;
  Fail(start, "expression is nested too deeply");
  return false;
}

bool Parser::SetHeight(Expr& expr) {
  int below = 0;
  ForEachChild(expr, [&below](const Expr& child) { below = std::max(below, child.height); });
  expr.height = below + 1;
  if (expr.height <= kMaxDepth) return true;
  Fail(expr.position.start, "expression is nested too deeply");
  return false;
}

std::string Parser::Unquote(const Token& token) {
  auto text = promql::Unquote(token.text);
  if (!text) {
    Fail(token.start,
         fmt::format("error unquoting string {}: invalid syntax", go::Quote(token.text)));
    return {};
  }
  return std::move(*text);
}

Result<ExprPtr> Parser::ParseExpression() {
  if (PeekKind() == TokenKind::kEof) Fail(0, "no expression found in input");
  ExprPtr expr = failed() ? nullptr : ParseBinary(0);
  if (!failed() && PeekKind() != TokenKind::kEof) SyntaxError();
  if (!failed()) {
    if (auto problem = CheckTypes(*expr, lexer_.input())) {
      Fail(problem->start, std::move(problem->text));
    }
  }
  if (failed()) return narthex::Fail(TakeError());
  return expr;
}

Result<std::vector<model::Matcher>> Parser::ParseSelector() {
  std::unique_ptr<VectorSelector> selector;
  if (IsMetricName(PeekKind())) {
    selector = ParseVectorSelector(Take());
  } else if (PeekKind() == TokenKind::kLeftBrace) {
    selector = ParseVectorSelector({});
  } else {
    SyntaxError();
  }
  if (!failed() && PeekKind() != TokenKind::kEof) SyntaxError();
  if (failed()) return narthex::Fail(TakeError());
  return std::move(selector->matchers);
}

Result<ExprPtr> ParseExpr(std::string_view query, const Features& features) {
  return Parser(query, features).ParseExpression();
}

Result<std::vector<model::Matcher>> ParseMetricSelector(std::string_view text) {
  const Features features;
  return Parser(text, features).ParseSelector();
}

Result<model::Labels> ParseMetric(std::string_view text) {
  const Features features;
  return Parser(text, features).ParseMetricOnly();
}

Result<SeriesDescription> ParseSeriesDescription(std::string_view text) {
  const Features features;
  return Parser(text, features, true).ParseSeries();
}

}  // namespace narthex::promql
