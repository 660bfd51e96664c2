// SPDX-License-Identifier: Apache-2.0
//
// Vector selectors with their matchers, and the label lists of by, without, on, ignoring, group_x.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "promql/parser/parser_impl.h"

namespace narthex::promql {
namespace {

constexpr std::string_view kMatching = "label matching";
constexpr std::string_view kGrouping = "grouping opts";

bool IsMatchOperator(TokenKind kind) {
  return kind == TokenKind::kAssign || kind == TokenKind::kNe || kind == TokenKind::kRegexMatch ||
         kind == TokenKind::kRegexNoMatch;
}

model::MatchType MatchTypeOf(TokenKind kind) {
  switch (kind) {
    case TokenKind::kNe:
      return model::MatchType::kNotEqual;
    case TokenKind::kRegexMatch:
      return model::MatchType::kRegex;
    case TokenKind::kRegexNoMatch:
      return model::MatchType::kNotRegex;
    default:
      return model::MatchType::kEqual;
  }
}

// Words that may stand for a label between the parentheses of by(), on(), ….
bool IsLabelWord(TokenKind kind) {
  switch (kind) {
    case TokenKind::kBool:
    case TokenKind::kGroupLeft:
    case TokenKind::kGroupRight:
    case TokenKind::kIgnoring:
    case TokenKind::kOn:
    case TokenKind::kAtan2:
      return true;
    case TokenKind::kWithout:
      return false;
    default:
      return IsMetricName(kind);
  }
}

}  // namespace

/// @param name  already taken; nullopt: the selector begins with its braces
std::unique_ptr<VectorSelector> Parser::ParseVectorSelector(std::optional<Token> name) {
  auto selector = std::make_unique<VectorSelector>();
  if (name) {
    selector->name = name->text;
    selector->position = {name->start, name->end()};
  } else {
    selector->position.start = Peek().start;
  }
  if (PeekKind() == TokenKind::kLeftBrace) {
    if (!ParseMatchers(*selector)) return nullptr;
    selector->position.end = last_closing_;
  }
  if (failed()) return nullptr;
  if (name) selector->matchers.push_back(model::Matcher::Equal(model::kMetricName, name->text));
  return selector;
}

bool Parser::ParseMatchers(VectorSelector& selector) {
  Take();
  if (TakeIf(TokenKind::kRightBrace)) return true;
  while (ParseMatcher(selector.matchers)) {
    if (TakeIf(TokenKind::kRightBrace)) return true;
    if (!TakeIf(TokenKind::kComma)) {
      Unexpected(kMatching, R"("," or "}")");
      return false;
    }
    if (TakeIf(TokenKind::kRightBrace)) return true;
  }
  return false;
}

bool Parser::ParseMatcher(std::vector<model::Matcher>& matchers) {
  if (PeekKind() == TokenKind::kString) {
    const Token quoted = Take();
    const std::string name = Unquote(quoted);
    if (failed()) return false;
    if (IsMatchOperator(PeekKind())) return AddMatcher(quoted, name, matchers);
    // A lone string is the name of the metric.
    matchers.push_back(model::Matcher::Equal(model::kMetricName, name));
    return !failed();
  }
  if (PeekKind() != TokenKind::kIdentifier) {
    Unexpected(kMatching, R"(identifier or "}")");
    return false;
  }
  const Token name = Take();
  if (!IsMatchOperator(PeekKind())) {
    Unexpected(kMatching, "label matching operator");
    return false;
  }
  return AddMatcher(name, name.text, matchers);
}

bool Parser::AddMatcher(const Token& label, std::string_view name,
                        std::vector<model::Matcher>& out) {
  const model::MatchType type = MatchTypeOf(Take().kind);
  if (PeekKind() != TokenKind::kString) {
    Unexpected(kMatching, "string");
    return false;
  }
  const std::string value = Unquote(Take());
  if (failed()) return false;
  auto matcher = model::Matcher::Create(type, name, value);
  if (!matcher) {
    Fail(label.start, matcher.error().message());
    return false;
  }
  out.push_back(std::move(*matcher));
  return true;
}

bool Parser::ParseAggregateModifier(AggregateExpr& expr) {
  expr.without = Take().kind == TokenKind::kWithout;
  return ParseGroupingLabels(expr.grouping);
}

bool Parser::ParseGroupingLabels(std::vector<std::string>& labels) {
  if (!TakeIf(TokenKind::kLeftParen)) {
    Unexpected(kGrouping, R"x("(")x");
    return false;
  }
  if (TakeIf(TokenKind::kRightParen)) return true;
  while (ParseGroupingLabel(labels)) {
    if (TakeIf(TokenKind::kRightParen)) return true;
    if (!TakeIf(TokenKind::kComma)) {
      Unexpected(kGrouping, R"x("," or ")")x");
      return false;
    }
    if (TakeIf(TokenKind::kRightParen)) return true;
  }
  return false;
}

bool Parser::ParseGroupingLabel(std::vector<std::string>& labels) {
  const bool quoted = PeekKind() == TokenKind::kString;
  if (!quoted && !IsLabelWord(PeekKind())) {
    Unexpected(kGrouping, "label");
    return false;
  }
  const Token token = Take();
  std::string label = quoted ? Unquote(token) : std::string(token.text);
  if (failed()) return false;
  if (label.empty() || !model::IsValidUtf8(label)) {
    Fail(token.start, fmt::format("invalid label name for grouping: {}", go::Quote(label)));
    return false;
  }
  labels.push_back(std::move(label));
  return true;
}

}  // namespace narthex::promql
