// SPDX-License-Identifier: Apache-2.0
//
// Splits a query into tokens, one at a time. What is allowed depends on where it stands: outside,
// in braces, in brackets, in the values of a series description.
// Source of the rules and texts: Prometheus promql/parser/lex.go.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "promql/parser/token.h"

namespace narthex::promql {

class Lexer {
 public:
  /// @param series_description  after the labels come values, as in test scripts
  explicit Lexer(std::string_view input, bool series_description = false)
      : input_(input), series_(series_description) {}

  /// The next token, comments left out. After kError or kEof only kEof comes.
  Token Next();

  std::string_view input() const { return input_; }
  /// Where the token that is being read, or the error, begins.
  int start() const { return static_cast<int>(start_); }
  /// Start of the token returned last.
  int last_start() const { return last_start_; }

 private:
  // What the next characters are read as.
  enum class Mode : std::uint8_t { kDefault, kBraces, kDuration, kValues, kHistogram, kEnd };

  static constexpr int kEofChar = -1;

  int Advance();  // The next code point; U+FFFD for what is not UTF-8.
  int Peek() const;
  void Backup() { pos_ -= width_; }
  bool Accept(std::string_view set);
  bool AcceptRun(std::string_view set);
  bool NextIsOneOf(std::string_view set) const;
  void SkipSpaces();

  void Emit(TokenKind kind);
  void Fail(std::string message);

  void Step();
  void LexDefault();
  void LexSymbol(int c);
  void LexComparison(int c);
  void LexWordOrColon(int c);
  void LexBraces();
  void LexBracesOperator(int c);
  void LexDuration();
  void LexComment();
  void LexString(int quote);
  void LexEscape(int quote);
  void LexEscapedNumber(int c, int digits, unsigned base, unsigned limit);
  void LexRawString();
  void LexNumber();
  void LexNumberOrDuration();
  void LexKeywordOrIdentifier();
  bool LexDurationKeyword();
  void LexRightParen();

  bool ScanNumber();
  bool ScanNumberParts(std::string_view digits);
  bool ScanRestOfDuration();
  bool FollowedByLeftParen() const;

  // Series descriptions: lexer_series.cc.
  void LexValues();
  void LexHistogram();
  void LexHistogramWord();
  void LexBuckets();

  std::string_view input_;
  std::size_t pos_ = 0;
  std::size_t start_ = 0;  // Of the pending token.
  std::size_t width_ = 0;  // Bytes of the last Advance.
  int last_start_ = 0;
  Mode mode_ = Mode::kDefault;
  Token token_;
  bool has_token_ = false;
  std::string error_;

  int paren_depth_ = 0;
  bool brace_open_ = false;
  bool bracket_open_ = false;
  bool got_colon_ = false;     // In the brackets …
  bool got_duration_ = false;  // … that are open.
  const bool series_;
};

/// strconv.QuoteRune: 'x' with Go's escapes.
std::string QuoteChar(int c);

inline bool IsSpaceChar(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
inline bool IsDigitChar(int c) { return c >= '0' && c <= '9'; }
inline bool IsAlphaChar(int c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
inline bool IsAlphaNumericChar(int c) { return IsAlphaChar(c) || IsDigitChar(c); }

}  // namespace narthex::promql
