// SPDX-License-Identifier: Apache-2.0
//
// Operators by precedence climbing, calls, aggregations and literals.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/timestamp.h"
#include "promql/parser/number.h"
#include "promql/parser/parser_impl.h"
#include "promql/parser/precedence.h"

namespace narthex::promql {
bool IsMetricName(TokenKind kind) {
  switch (kind) {
    case TokenKind::kIdentifier:
    case TokenKind::kMetricIdentifier:
    case TokenKind::kAnd:
    case TokenKind::kOr:
    case TokenKind::kUnless:
    case TokenKind::kBy:
    case TokenKind::kWithout:
    case TokenKind::kOffset:
    case TokenKind::kFill:
    case TokenKind::kFillLeft:
    case TokenKind::kFillRight:
    case TokenKind::kSmoothed:
    case TokenKind::kAnchored:
    case TokenKind::kStart:
    case TokenKind::kEnd:
    case TokenKind::kStep:
    case TokenKind::kRange:
    case TokenKind::kMaxOf:
    case TokenKind::kMinOf:
      return true;
    default:
      return IsAggregator(kind);
  }
}

bool StartsOperand(TokenKind kind) {
  switch (kind) {
    case TokenKind::kAdd:
    case TokenKind::kSub:
    case TokenKind::kLeftParen:
    case TokenKind::kLeftBrace:
    case TokenKind::kNumber:
    case TokenKind::kDuration:
    case TokenKind::kString:
      return true;
    default:
      return IsMetricName(kind);
  }
}

ExprPtr Parser::ParseBinary(int min_precedence) {
  if (!EnterNesting(Peek().start)) return nullptr;
  ExprPtr lhs = ParseUnary();
  while (!failed() && IsBinaryOp(PeekKind()) && Precedence(PeekKind()) >= min_precedence) {
    const Token op = Take();
    auto binary = std::make_unique<BinaryExpr>();
    if (!ParseBinaryModifiers(*binary)) return nullptr;
    ExprPtr rhs = ParseBinary(RightPrecedence(op.kind));
    if (failed()) return nullptr;
    lhs = MakeBinary(op, std::move(binary), std::move(lhs), std::move(rhs));
  }
  --nesting_;
  return failed() ? nullptr : std::move(lhs);
}

ExprPtr Parser::MakeBinary(const Token& op, std::unique_ptr<BinaryExpr> expr, ExprPtr lhs,
                           ExprPtr rhs) {
  expr->op = static_cast<BinaryOp>(static_cast<int>(op.kind) - static_cast<int>(TokenKind::kAdd));
  const bool scalar = lhs->type == ValueType::kScalar && rhs->type == ValueType::kScalar;
  expr->type = scalar ? ValueType::kScalar : ValueType::kVector;
  expr->position = {lhs->position.start, rhs->position.end};
  expr->lhs = std::move(lhs);
  expr->rhs = std::move(rhs);
  const bool fills = expr->matching->fill_lhs || expr->matching->fill_rhs;
  if (fills && !features_.binop_fill_modifiers) {
    Fail(expr->position.start, "binop fill modifiers are experimental and not enabled");
  }
  if (failed() || !SetHeight(*expr)) return nullptr;
  return expr;
}

bool Parser::ParseBinaryModifiers(BinaryExpr& expr) {
  VectorMatching& matching = expr.matching.emplace();
  expr.return_bool = TakeIf(TokenKind::kBool);
  if (PeekKind() == TokenKind::kOn || PeekKind() == TokenKind::kIgnoring) {
    matching.on = Take().kind == TokenKind::kOn;
    if (!ParseGroupingLabels(matching.labels) || !ParseGrouping(matching)) return false;
  }
  return ParseFill(matching);
}

// group_left and group_right, whose labels may be missing.
bool Parser::ParseGrouping(VectorMatching& matching) {
  const TokenKind kind = PeekKind();
  if (kind != TokenKind::kGroupLeft && kind != TokenKind::kGroupRight) return !failed();
  Take();
  matching.card =
      kind == TokenKind::kGroupLeft ? MatchCardinality::kManyToOne : MatchCardinality::kOneToMany;
  const bool none = PeekKind() != TokenKind::kLeftParen && StartsOperand(PeekKind());
  return none || ParseGroupingLabels(matching.include);
}

bool Parser::ParseFill(VectorMatching& matching) {
  const TokenKind first = PeekKind();
  if (first != TokenKind::kFill && first != TokenKind::kFillLeft &&
      first != TokenKind::kFillRight) {
    return !failed();
  }
  Take();
  const auto value = ParseFillValue();
  if (!value) return false;
  if (first != TokenKind::kFillRight) matching.fill_lhs = value;
  if (first != TokenKind::kFillLeft) matching.fill_rhs = value;
  if (first == TokenKind::kFillLeft && TakeIf(TokenKind::kFillRight)) {
    matching.fill_rhs = ParseFillValue();
  } else if (first == TokenKind::kFillRight && TakeIf(TokenKind::kFillLeft)) {
    matching.fill_lhs = ParseFillValue();
  }
  return !failed();
}

std::optional<double> Parser::ParseFillValue() {
  if (!Expect(TokenKind::kLeftParen)) return std::nullopt;
  bool negative = false;
  if (PeekKind() == TokenKind::kAdd || PeekKind() == TokenKind::kSub) {
    negative = Take().kind == TokenKind::kSub;
  }
  if (PeekKind() != TokenKind::kNumber && PeekKind() != TokenKind::kDuration) {
    SyntaxError();
    return std::nullopt;
  }
  const auto value = NumberValue(Take());
  if (!value || !Expect(TokenKind::kRightParen)) return std::nullopt;
  return negative ? -*value : *value;
}

ExprPtr Parser::ParseUnary() {
  if (PeekKind() != TokenKind::kAdd && PeekKind() != TokenKind::kSub) return ParsePostfix();
  const Token sign = Take();
  // As high as a product: -a^b is -(a^b), -a*b is (-a)*b.
  ExprPtr operand = ParseBinary(Precedence(TokenKind::kPow));
  if (failed()) return nullptr;
  const bool negative = sign.kind == TokenKind::kSub;
  if (auto* number = As<NumberLiteral>(*operand)) {
    if (negative) number->value = -number->value;
    number->position.start = sign.start;
    return operand;
  }
  auto unary = std::make_unique<UnaryExpr>();
  unary->negative = negative;
  unary->type = operand->type;
  unary->position = {sign.start, operand->position.end};
  unary->expr = std::move(operand);
  if (!SetHeight(*unary)) return nullptr;
  return unary;
}

ExprPtr Parser::ParsePostfix() {
  ExprPtr expr = ParsePrimary();
  while (!failed()) {
    switch (PeekKind()) {
      case TokenKind::kLeftBracket:
        expr = ParseBrackets(std::move(expr));
        break;
      case TokenKind::kOffset:
        ParseOffset(*expr);
        break;
      case TokenKind::kAt:
        ParseAt(*expr);
        break;
      case TokenKind::kAnchored:
      case TokenKind::kSmoothed:
        SetExtended(*expr, Take().kind == TokenKind::kAnchored);
        break;
      default:
        return failed() ? nullptr : std::move(expr);
    }
  }
  return nullptr;
}

ExprPtr Parser::ParsePrimary() {
  switch (PeekKind()) {
    case TokenKind::kNumber:
    case TokenKind::kDuration:
      return ParseNumber();
    case TokenKind::kString:
      return ParseStringLiteral();
    case TokenKind::kLeftParen:
      return ParseParen();
    case TokenKind::kLeftBrace:
      return ParseVectorSelector({});
    default:
      break;
  }
  if (!IsMetricName(PeekKind())) {
    SyntaxError();
    return nullptr;
  }
  const Token name = Take();
  if (IsAggregator(name.kind)) {
    const TokenKind next = PeekKind();
    const bool aggregation =
        next == TokenKind::kLeftParen || next == TokenKind::kBy || next == TokenKind::kWithout;
    if (aggregation) return ParseAggregate(name);
  }
  const bool callable = name.kind == TokenKind::kIdentifier ||
                        (name.kind >= TokenKind::kStart && name.kind <= TokenKind::kMinOf);
  if (callable && PeekKind() == TokenKind::kLeftParen) return ParseCall(name);
  return ParseVectorSelector(name);
}

ExprPtr Parser::ParseParen() {
  const Token open = Take();
  auto paren = std::make_unique<ParenExpr>();
  paren->expr = ParseBinary(0);
  if (failed()) return nullptr;
  paren->position = {open.start, Peek().end()};
  if (!Expect(TokenKind::kRightParen)) return nullptr;
  paren->type = paren->expr->type;
  if (!SetHeight(*paren)) return nullptr;
  return paren;
}

ExprPtr Parser::ParseCall(const Token& name) {
  auto call = std::make_unique<Call>();
  if (!ParseArgs(call->args)) return nullptr;
  call->function = FindFunction(name.text);
  if (call->function == nullptr) {
    Fail(name.start, fmt::format("unknown function with name {}", go::Quote(name.text)));
    return nullptr;
  }
  if (call->function->experimental && !features_.experimental_functions) {
    Fail(name.start, fmt::format("function {} is not enabled", go::Quote(name.text)));
    return nullptr;
  }
  call->type = call->function->return_type;
  call->position = {name.start, last_closing_};
  if (!SetHeight(*call)) return nullptr;
  return call;
}

bool Parser::ParseArgs(std::vector<ExprPtr>& args) {
  if (!Expect(TokenKind::kLeftParen)) return false;
  if (TakeIf(TokenKind::kRightParen)) return true;
  while (true) {
    args.push_back(ParseBinary(0));
    if (failed()) return false;
    if (PeekKind() != TokenKind::kComma) return Expect(TokenKind::kRightParen);
    const Token comma = Take();
    if (!StartsOperand(PeekKind())) {
      Fail(comma.start, "trailing commas not allowed in function call args");
      return false;
    }
  }
}

ExprPtr Parser::ParseAggregate(const Token& op) {
  const ErrorScope scope(*this, "aggregation", "");
  auto aggregate = std::make_unique<AggregateExpr>();
  std::vector<ExprPtr> args;
  const bool modifier_first = PeekKind() != TokenKind::kLeftParen;
  if (modifier_first && !ParseAggregateModifier(*aggregate)) return nullptr;
  if (!ParseArgs(args)) return nullptr;
  int end = last_closing_;
  if (!modifier_first) {
    if (PeekKind() == TokenKind::kBy || PeekKind() == TokenKind::kWithout) {
      if (!ParseAggregateModifier(*aggregate)) return nullptr;
      end = last_closing_;
    }
  }
  if (failed()) return nullptr;
  return MakeAggregate(op, std::move(aggregate), std::move(args), end);
}

ExprPtr Parser::MakeAggregate(const Token& op, std::unique_ptr<AggregateExpr> expr,
                              std::vector<ExprPtr> args, int end) {
  expr->op =
      static_cast<AggregateOp>(static_cast<int>(op.kind) - static_cast<int>(TokenKind::kSum));
  expr->position = {op.start, end};
  const std::size_t wanted = HasParam(expr->op) ? 2 : 1;
  if (args.empty()) {
    Fail(op.start, "no arguments for aggregate expression provided");
  } else if (IsExperimentalAggregator(op.kind) && !features_.experimental_functions) {
    Fail(op.start, fmt::format("{}() is experimental and must be enabled with "
                               "--enable-feature=promql-experimental-functions",
                               AggregateOpName(expr->op)));
  } else if (args.size() != wanted) {
    Fail(op.start,
         fmt::format("wrong number of arguments for aggregate expression provided, expected {}, "
                     "got {}",
                     wanted, args.size()));
  }
  if (failed()) return nullptr;
  if (wanted == 2) expr->param = std::move(args[0]);
  expr->expr = std::move(args.back());
  if (!SetHeight(*expr)) return nullptr;
  return expr;
}

ExprPtr Parser::ParseNumber() {
  const Token token = Take();
  const auto value = NumberValue(token);
  if (!value) return nullptr;
  auto number = std::make_unique<NumberLiteral>();
  number->value = *value;
  number->duration = token.kind == TokenKind::kDuration;
  number->position = {token.start, token.end()};
  return number;
}

// Of a number or duration token; a duration's in seconds.
std::optional<double> Parser::NumberValue(const Token& token) {
  if (token.kind == TokenKind::kDuration) {
    const auto ms = model::ParseDuration(token.text);
    if (!ms) {
      Fail(token.start, ms.error().message());
      return std::nullopt;
    }
    const std::int64_t seconds = *ms / 1000;
    const std::int64_t ns = *ms % 1000 * 1'000'000;
    return static_cast<double>(seconds) + static_cast<double>(ns) / 1e9;
  }
  const auto value = ParseNumberText(token.text);
  if (!value) {
    Fail(token.start, fmt::format("error parsing number: strconv.ParseFloat: parsing {}: {}",
                                  go::Quote(token.text), value.error().message()));
    return std::nullopt;
  }
  return *value;
}

ExprPtr Parser::ParseStringLiteral() {
  const Token token = Take();
  auto literal = std::make_unique<StringLiteral>();
  literal->value = Unquote(token);
  literal->position = {token.start, token.end()};
  return failed() ? nullptr : std::move(literal);
}

}  // namespace narthex::promql
