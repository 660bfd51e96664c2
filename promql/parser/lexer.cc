// SPDX-License-Identifier: Apache-2.0
#include "promql/parser/lexer.h"

#include <array>
#include <cstdlib>
#include <utility>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/utf8.h"

namespace narthex::promql {
namespace {

// Words allowed in brackets; their first letters decide how a wrong word is reported.
constexpr std::array kDurationWords = {
    std::pair<std::string_view, TokenKind>{"step", TokenKind::kStep},
    std::pair<std::string_view, TokenKind>{"range", TokenKind::kRange},
    std::pair<std::string_view, TokenKind>{"max_of", TokenKind::kMaxOf},
    std::pair<std::string_view, TokenKind>{"min_of", TokenKind::kMinOf},
};

int Lower(int c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; }

bool StartsDurationWord(int c) {
  const int lower = Lower(c);
  return lower == 's' || lower == 'r' || lower == 'm';
}

bool Contains(std::string_view set, int c) {
  return c >= 0 && c < 0x80 && set.find(static_cast<char>(c)) != std::string_view::npos;
}

// The value of a hexadecimal digit, 16 for anything else.
unsigned DigitValue(int c) {
  if (IsDigitChar(c)) return static_cast<unsigned>(c - '0');
  const int lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a' + 10) : 16;
}

// fmt's %#U: U+0071 'q'.
std::string UnicodeName(int c) {
  const std::string quoted = QuoteChar(c);
  const bool printable = quoted[1] != '\\' || c == '\\' || c == '\'';
  return printable ? fmt::format("U+{:04X} '{}'", c, EncodeUtf8(c)) : fmt::format("U+{:04X}", c);
}

}  // namespace

std::string QuoteChar(int c) {
  if (c == '\'') return "'\\''";
  if (c == '"') return "'\"'";
  std::string quoted = go::Quote(EncodeUtf8(c));
  quoted.front() = '\'';
  quoted.back() = '\'';
  return quoted;
}

Token Lexer::Next() {
  has_token_ = false;
  while (!has_token_) Step();
  last_start_ = token_.start;
  return token_;
}

void Lexer::Step() {
  switch (mode_) {
    case Mode::kDefault:
      return LexDefault();
    case Mode::kBraces:
      return LexBraces();
    case Mode::kDuration:
      return LexDuration();
    case Mode::kValues:
      return LexValues();
    case Mode::kHistogram:
      return LexHistogram();
    case Mode::kEnd:
      return Emit(TokenKind::kEof);
  }
}

int Lexer::Advance() {
  if (pos_ >= input_.size()) {
    width_ = 0;
    return kEofChar;
  }
  const auto [c, width] = DecodeUtf8(input_.substr(pos_));
  width_ = width;
  pos_ += width;
  return c;
}

int Lexer::Peek() const {
  return pos_ >= input_.size() ? kEofChar : DecodeUtf8(input_.substr(pos_)).first;
}

bool Lexer::NextIsOneOf(std::string_view set) const { return Contains(set, Peek()); }

bool Lexer::Accept(std::string_view set) {
  if (!NextIsOneOf(set)) return false;
  ++pos_;
  width_ = 1;
  return true;
}

bool Lexer::AcceptRun(std::string_view set) {
  const std::size_t before = pos_;
  while (Accept(set)) {
  }
  return pos_ != before;
}

void Lexer::SkipSpaces() {
  while (IsSpaceChar(Peek())) ++pos_;
  start_ = pos_;
}

void Lexer::Emit(TokenKind kind) {
  token_ = {kind, static_cast<int>(start_), input_.substr(start_, pos_ - start_)};
  start_ = pos_;
  has_token_ = true;
}

void Lexer::Fail(std::string message) {
  error_ = std::move(message);
  token_ = {TokenKind::kError, static_cast<int>(start_), error_};
  has_token_ = true;
  mode_ = Mode::kEnd;
}

void Lexer::LexDefault() {
  if (brace_open_) return LexBraces();
  const int c = Advance();
  if (c == '#') return LexComment();
  if (IsSpaceChar(c)) return SkipSpaces();
  if (IsDigitChar(c) || (c == '.' && IsDigitChar(Peek()))) {
    Backup();
    return LexNumberOrDuration();
  }
  if (c == '"' || c == '\'') return LexString(c);
  if (c == '`') return LexRawString();
  if (IsAlphaChar(c) || c == ':') return LexWordOrColon(c);
  LexSymbol(c);
}

void Lexer::LexSymbol(int c) {
  switch (c) {
    case kEofChar:
      if (paren_depth_ != 0) return Fail("unclosed left parenthesis");
      if (bracket_open_) return Fail("unclosed left bracket");
      mode_ = Mode::kEnd;
      return Emit(TokenKind::kEof);
    case ',':
      return Emit(TokenKind::kComma);
    case '*':
      return Emit(TokenKind::kMul);
    case '/':
      return Emit(TokenKind::kDiv);
    case '%':
      return Emit(TokenKind::kMod);
    case '+':
      return Emit(TokenKind::kAdd);
    case '-':
      return Emit(TokenKind::kSub);
    case '^':
      return Emit(TokenKind::kPow);
    case '@':
      return Emit(TokenKind::kAt);
    case '(':
      ++paren_depth_;
      return Emit(TokenKind::kLeftParen);
    case ')':
      return LexRightParen();
    case '{':
      brace_open_ = true;
      mode_ = Mode::kBraces;
      return Emit(TokenKind::kLeftBrace);
    case '[':
      if (bracket_open_) return Fail("unexpected left bracket '['");
      got_colon_ = false;
      Emit(TokenKind::kLeftBracket);
      SkipSpaces();
      bracket_open_ = true;
      mode_ = Mode::kDuration;
      return;
    case ']':
      if (!bracket_open_) return Fail("unexpected right bracket ']'");
      bracket_open_ = false;
      return Emit(TokenKind::kRightBracket);
    default:
      return LexComparison(c);
  }
}

void Lexer::LexComparison(int c) {
  switch (c) {
    case '=':
      if (Accept("=")) return Emit(TokenKind::kEq);
      if (Peek() == '~') return Fail("unexpected character after '=': '~'");
      return Emit(TokenKind::kAssign);
    case '!':
      if (Accept("=")) return Emit(TokenKind::kNe);
      return Fail(fmt::format("unexpected character after '!': {}", QuoteChar(Peek())));
    case '<':
      if (Accept("=")) return Emit(TokenKind::kLe);
      return Emit(Accept("/") ? TokenKind::kTrimUpper : TokenKind::kLt);
    case '>':
      if (Accept("=")) return Emit(TokenKind::kGe);
      return Emit(Accept("/") ? TokenKind::kTrimLower : TokenKind::kGt);
    default:
      return Fail(fmt::format("unexpected character: {}", QuoteChar(c)));
  }
}

// Words outside of brackets are names and keywords; in brackets only a few are allowed, and a
// colon separates range and step.
void Lexer::LexWordOrColon(int c) {
  if (!bracket_open_) {
    Backup();
    return LexKeywordOrIdentifier();
  }
  if (c == ':') {
    if (got_colon_) return Fail("unexpected colon ':'");
    got_colon_ = true;
    return Emit(TokenKind::kColon);
  }
  if (StartsDurationWord(c) && LexDurationKeyword()) return;
  Fail(fmt::format("unexpected character: {}, expected ':'", QuoteChar(c)));
}

void Lexer::LexRightParen() {
  Emit(TokenKind::kRightParen);
  // The error stands after the parenthesis, as upstream reports it.
  if (--paren_depth_ < 0) Fail("unexpected right parenthesis ')'");
}

void Lexer::LexBraces() {
  mode_ = Mode::kBraces;
  const int c = Advance();
  if (c == '#') return LexComment();
  if (IsSpaceChar(c)) return SkipSpaces();
  if (IsAlphaChar(c)) {
    while (IsAlphaNumericChar(Peek())) ++pos_;
    return Emit(TokenKind::kIdentifier);
  }
  if (c == '"' || c == '\'') return LexString(c);
  if (c == '`') return LexRawString();
  LexBracesOperator(c);
}

void Lexer::LexBracesOperator(int c) {
  switch (c) {
    case kEofChar:
      return Fail("unexpected end of input inside braces");
    case ',':
      return Emit(TokenKind::kComma);
    case '=':
      return Emit(Accept("~") ? TokenKind::kRegexMatch : TokenKind::kAssign);
    case '!':
      if (Accept("~")) return Emit(TokenKind::kRegexNoMatch);
      if (Accept("=")) return Emit(TokenKind::kNe);
      return Fail(
          fmt::format("unexpected character after '!' inside braces: {}", QuoteChar(Peek())));
    case '{':
      return Fail("unexpected left brace '{'");
    case '}':
      brace_open_ = false;
      mode_ = series_ ? Mode::kValues : Mode::kDefault;
      return Emit(TokenKind::kRightBrace);
    default:
      return Fail(fmt::format("unexpected character inside braces: {}", QuoteChar(c)));
  }
}

// Directly after '['. After the first number LexDefault goes on, with bracket_open_ set.
void Lexer::LexDuration() {
  const int c = Advance();
  switch (c) {
    case kEofChar:
      return Fail("unexpected end of input in duration expression");
    case ']':
      bracket_open_ = false;
      got_colon_ = false;
      mode_ = Mode::kDefault;
      return Emit(TokenKind::kRightBracket);
    case ':':
      Emit(TokenKind::kColon);
      if (!got_duration_) return Fail("unexpected colon before duration in duration expression");
      if (got_colon_) return Fail("unexpected repeated colon in duration expression");
      got_colon_ = true;
      return;
    case '(':
      ++paren_depth_;
      return Emit(TokenKind::kLeftParen);
    case ')':
      return LexRightParen();
    case '+':
      return Emit(TokenKind::kAdd);
    case '-':
      return Emit(TokenKind::kSub);
    case '*':
      return Emit(TokenKind::kMul);
    case '/':
      return Emit(TokenKind::kDiv);
    case '%':
      return Emit(TokenKind::kMod);
    case '^':
      return Emit(TokenKind::kPow);
    case ',':
      return Emit(TokenKind::kComma);
    default:
      break;
  }
  if (IsSpaceChar(c)) return SkipSpaces();
  if (IsDigitChar(c) || (c == '.' && IsDigitChar(Peek()))) {
    Backup();
    got_duration_ = true;
    mode_ = Mode::kDefault;
    return LexNumberOrDuration();
  }
  if (StartsDurationWord(c) && LexDurationKeyword()) return;
  Fail(fmt::format("unexpected character in duration expression: {}", QuoteChar(c)));
}

bool Lexer::LexDurationKeyword() {
  while (IsAlphaChar(Peek())) ++pos_;
  std::string word(input_.substr(start_, pos_ - start_));
  for (char& c : word) c = static_cast<char>(Lower(c));
  for (const auto& [text, kind] : kDurationWords) {
    if (word == text) {
      Emit(kind);
      return true;
    }
  }
  return false;
}

void Lexer::LexComment() {
  while (Peek() != '\n' && Peek() != '\r' && Peek() != kEofChar) Advance();
  start_ = pos_;
  mode_ = Mode::kDefault;
}

void Lexer::LexString(int quote) {
  while (!has_token_) {
    const int c = Advance();
    if (c == '\\') {
      LexEscape(quote);
    } else if (c == kReplacementChar) {
      Fail("invalid UTF-8 rune");
    } else if (c == kEofChar || c == '\n') {
      Fail("unterminated quoted string");
    } else if (c == quote) {
      if (mode_ != Mode::kBraces) mode_ = Mode::kDefault;
      Emit(TokenKind::kString);
    }
  }
}

void Lexer::LexEscape(int quote) {
  const int c = Advance();
  if (c == quote || Contains("abfnrtv\\", c)) return;
  if (c >= '0' && c <= '7') return LexEscapedNumber(c, 3, 8, 255);
  switch (c) {
    case 'x':
      return LexEscapedNumber(Advance(), 2, 16, 255);
    case 'u':
      return LexEscapedNumber(Advance(), 4, 16, 0x10FFFF);
    case 'U':
      return LexEscapedNumber(Advance(), 8, 16, 0x10FFFF);
    case kEofChar:
      return Fail("escape sequence not terminated");
    default:
      return Fail("unknown escape sequence " + UnicodeName(c));
  }
}

void Lexer::LexEscapedNumber(int c, int digits, unsigned base, unsigned limit) {
  std::uint32_t value = 0;
  for (int n = digits; n > 0; --n) {
    const unsigned digit = DigitValue(c);
    if (digit >= base) {
      if (c == kEofChar) return Fail("escape sequence not terminated");
      return Fail("illegal character " + UnicodeName(c) + " in escape sequence");
    }
    value = value * base + digit;
    if (n > 1) c = Advance();
  }
  if (value > limit || (value >= 0xD800 && value < 0xE000)) {
    Fail("escape sequence is an invalid Unicode code point");
  }
}

void Lexer::LexRawString() {
  while (!has_token_) {
    const int c = Advance();
    if (c == kReplacementChar) {
      Fail("invalid UTF-8 rune");
    } else if (c == kEofChar) {
      Fail("unterminated raw string");
    } else if (c == '`') {
      if (mode_ != Mode::kBraces) mode_ = Mode::kDefault;
      Emit(TokenKind::kString);
    }
  }
}

void Lexer::LexKeywordOrIdentifier() {
  while (IsAlphaNumericChar(Peek()) || Peek() == ':') ++pos_;
  const std::string_view word = input_.substr(start_, pos_ - start_);
  TokenKind kind = KeywordKind(word);
  const bool fill =
      kind == TokenKind::kFill || kind == TokenKind::kFillLeft || kind == TokenKind::kFillRight;
  // So that metrics may be named fill: the keyword is a modifier only with its parenthesis.
  if (fill && !FollowedByLeftParen()) kind = TokenKind::kIdentifier;
  if (kind == TokenKind::kIdentifier && word.find(':') != std::string_view::npos) {
    kind = TokenKind::kMetricIdentifier;
  }
  Emit(kind);
  mode_ = series_ && Peek() != '{' ? Mode::kValues : Mode::kDefault;
}

bool Lexer::FollowedByLeftParen() const {
  std::size_t pos = pos_;
  while (pos < input_.size() && IsSpaceChar(input_[pos])) ++pos;
  return pos < input_.size() && input_[pos] == '(';
}

}  // namespace narthex::promql
