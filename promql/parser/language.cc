// SPDX-License-Identifier: Apache-2.0
#include "narthex/promql/language.h"

#include "narthex/model/matcher.h"
#include "promql/parser/functions.h"
#include "promql/parser/token.h"

namespace narthex::promql {
namespace {

std::string_view OperatorText(TokenKind kind) {
  switch (kind) {
    case TokenKind::kRegexMatch:
      return model::MatchOperator(model::MatchType::kRegex);
    case TokenKind::kRegexNoMatch:
      return model::MatchOperator(model::MatchType::kNotRegex);
    case TokenKind::kAt:
      return "@";
    default:
      return BinaryOpName(
          static_cast<BinaryOp>(static_cast<int>(kind) - static_cast<int>(TokenKind::kAdd)));
  }
}

bool IsKeywordOn(TokenKind kind, const Features& features) {
  switch (kind) {
    case TokenKind::kAnchored:
    case TokenKind::kSmoothed:
      return features.extended_range_selectors;
    case TokenKind::kFill:
    case TokenKind::kFillLeft:
    case TokenKind::kFillRight:
      return features.binop_fill_modifiers;
    default:
      return true;
  }
}

}  // namespace

LanguageParts DescribeLanguage(const Features& features) {
  LanguageParts parts;
  for (const auto& [word, kind] : AllWords()) {
    if (IsKeyword(kind)) parts.keywords.emplace_back(word, IsKeywordOn(kind, features));
    if (IsAggregator(kind)) {
      parts.operators.emplace_back(
          word, features.experimental_functions || !IsExperimentalAggregator(kind));
    }
  }
  for (int kind = static_cast<int>(TokenKind::kAdd); kind <= static_cast<int>(TokenKind::kAt);
       ++kind) {
    parts.operators.emplace_back(OperatorText(static_cast<TokenKind>(kind)), true);
  }
  for (const Function& function : AllFunctions()) {
    parts.functions.emplace_back(function.name,
                                 features.experimental_functions || !function.experimental);
  }
  return parts;
}

}  // namespace narthex::promql
