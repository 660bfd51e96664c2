// SPDX-License-Identifier: Apache-2.0
//
// What the lexer makes of a query.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace narthex::promql {

/// Grouped, so that a range of values is a class of tokens.
enum class TokenKind : std::uint8_t {
  kEof,
  kError,  // The lexer's message is the token's text.
  kIdentifier,
  kMetricIdentifier,  // With a colon.
  kNumber,
  kDuration,
  kString,  // With its quotes.

  kLeftParen,
  kRightParen,
  kLeftBrace,
  kRightBrace,
  kLeftBracket,
  kRightBracket,
  kComma,
  kColon,
  kAssign,  // =

  // Operators. Those from kAdd to kUnless stand in the order of BinaryOp.
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kEq,
  kNe,
  kGt,
  kLt,
  kGe,
  kLe,
  kTrimUpper,
  kTrimLower,
  kAnd,
  kOr,
  kUnless,
  kRegexMatch,
  kRegexNoMatch,
  kAt,

  // Aggregators, in the order of AggregateOp.
  kSum,
  kAvg,
  kCount,
  kMin,
  kMax,
  kGroup,
  kStddev,
  kStdvar,
  kTopk,
  kBottomk,
  kLimitk,
  kLimitRatio,
  kQuantile,
  kCountValues,

  // Keywords.
  kBool,
  kBy,
  kGroupLeft,
  kGroupRight,
  kFill,
  kFillLeft,
  kFillRight,
  kIgnoring,
  kOffset,
  kSmoothed,
  kAnchored,
  kOn,
  kWithout,

  // Words that are functions or parts of modifiers.
  kStart,
  kEnd,
  kStep,
  kRange,
  kMaxOf,
  kMinOf,

  // Only in series descriptions.
  kSpace,
  kBlank,  // _
  kTimes,  // x
  kOpenHistogram,
  kCloseHistogram,
  kHistogramKey,  // buckets, n_offset, …
  kResetHint,     // reset, gauge, …
};

inline bool IsBinaryOp(TokenKind k) { return k >= TokenKind::kAdd && k <= TokenKind::kUnless; }
inline bool IsOperator(TokenKind k) { return k >= TokenKind::kAdd && k <= TokenKind::kAt; }
inline bool IsAggregator(TokenKind k) {
  return k >= TokenKind::kSum && k <= TokenKind::kCountValues;
}
inline bool IsExperimentalAggregator(TokenKind k) {
  return k == TokenKind::kLimitk || k == TokenKind::kLimitRatio;
}
inline bool IsKeyword(TokenKind k) { return k >= TokenKind::kBool && k <= TokenKind::kWithout; }

struct Token {
  TokenKind kind = TokenKind::kEof;
  int start = 0;          // Byte in the query.
  std::string_view text;  // In the query; of kError in the lexer.

  int end() const { return start + static_cast<int>(text.size()); }
};

using Word = std::pair<std::string_view, TokenKind>;
/// All words that are more than identifiers, sorted.
std::span<const Word> AllWords();

/// The kind of a word outside of braces, regardless of case; kIdentifier when it is no keyword.
TokenKind KeywordKind(std::string_view word);

/// How "unexpected …" names a token: `identifier "foo"`, `<op:+>`, `end of input`.
std::string Describe(const Token& token);

}  // namespace narthex::promql
