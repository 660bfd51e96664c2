// SPDX-License-Identifier: Apache-2.0
//
// The values of series descriptions: `1 2+3x4 _ stale {{schema:0 sum:5 buckets:[1 2]}}x3`.
#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "promql/parser/lexer.h"

namespace narthex::promql {
namespace {

constexpr std::array<std::string_view, 11> kHistogramKeys = {
    "buckets", "count", "counter_reset_hint", "custom_values", "n_buckets", "n_offset", "offset",
    "schema",  "sum",   "z_bucket",           "z_bucket_w"};
constexpr std::array<std::string_view, 4> kResetHints = {"gauge", "not_reset", "reset", "unknown"};

template <typename Words>
bool IsOneOf(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string ToLower(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

void Lexer::LexValues() {
  const int c = Advance();
  switch (c) {
    case kEofChar:
      mode_ = Mode::kDefault;
      return;
    case '+':
      return Emit(TokenKind::kAdd);
    case '-':
      return Emit(TokenKind::kSub);
    case 'x':
      return Emit(TokenKind::kTimes);
    case '_':
      return Emit(TokenKind::kBlank);
    default:
      break;
  }
  if (c == '{' && Accept("{")) {
    mode_ = Mode::kHistogram;
    return Emit(TokenKind::kOpenHistogram);
  }
  if (IsSpaceChar(c)) {
    Emit(TokenKind::kSpace);
    return SkipSpaces();
  }
  if (IsDigitChar(c) || (c == '.' && IsDigitChar(Peek()))) {
    Backup();
    return LexNumber();
  }
  if (IsAlphaChar(c)) {
    Backup();
    return LexKeywordOrIdentifier();
  }
  Fail(fmt::format("unexpected character in series sequence: {}", QuoteChar(c)));
}

void Lexer::LexHistogram() {
  if (bracket_open_) return LexBuckets();
  const int c = Advance();
  if (IsSpaceChar(c)) {
    Emit(TokenKind::kSpace);
    return SkipSpaces();
  }
  if (IsAlphaChar(c)) return LexHistogramWord();
  if (c == ':') return Emit(TokenKind::kColon);
  if (c == '-') return Emit(TokenKind::kSub);
  if (IsDigitChar(c)) {
    Backup();
    return LexNumber();
  }
  if (c == '[') {
    bracket_open_ = true;
    return Emit(TokenKind::kLeftBracket);
  }
  if (c == '}' && Accept("}")) {
    mode_ = Mode::kValues;
    return Emit(TokenKind::kCloseHistogram);
  }
  Fail(fmt::format("histogram description incomplete unexpected: {}", QuoteChar(c)));
}

void Lexer::LexHistogramWord() {
  while (IsAlphaChar(Peek())) ++pos_;
  const std::string_view word = input_.substr(start_, pos_ - start_);
  const std::string lower = ToLower(word);
  if (IsOneOf(kHistogramKeys, lower)) {
    if (Peek() != ':') return Fail("missing `:` for histogram descriptor");
    return Emit(TokenKind::kHistogramKey);
  }
  if (lower == "inf" || lower == "nan") return Emit(TokenKind::kNumber);
  if (IsOneOf(kResetHints, lower)) return Emit(TokenKind::kResetHint);
  Fail(fmt::format("bad histogram descriptor found: {}", go::Quote(word)));
}

void Lexer::LexBuckets() {
  const int c = Advance();
  if (IsSpaceChar(c)) {
    Emit(TokenKind::kSpace);
    return SkipSpaces();
  }
  if (c == '-') return Emit(TokenKind::kSub);
  if (IsDigitChar(c)) {
    Backup();
    return LexNumber();
  }
  if (c == ']') {
    bracket_open_ = false;
    return Emit(TokenKind::kRightBracket);
  }
  if (IsAlphaChar(c)) {
    const std::string lower = ToLower(input_.substr(start_, pos_ - start_));
    if (lower == "inf" || lower == "nan") Emit(TokenKind::kNumber);
    return;
  }
  Fail(fmt::format("invalid character in buckets description: {}", QuoteChar(c)));
}

}  // namespace narthex::promql
