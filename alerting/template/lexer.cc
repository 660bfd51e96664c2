// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/lexer.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/result.h"

namespace narthex::alerting::tmpl {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::array<std::string_view, 11> kKeywords = {"block", "break",    "continue", "define",
                                                        "else",  "end",      "if",       "range",
                                                        "nil",   "template", "with"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWord(char c) {
  return IsDigit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c & 0x80) != 0;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Tokens Run() {
    const Status lexed = LexAll();
    Add(lexed ? TokenKind::kEnd : TokenKind::kError, 0);
    return {std::move(tokens_), lexed ? "" : lexed.error().message()};
  }

 private:
  Status LexAll() {
    while (at_ < text_.size()) {
      LexText();
      if (at_ < text_.size()) NX_RETURN_IF_ERROR(LexAction());
    }
    return {};
  }

  bool At(std::string_view s) const { return text_.substr(at_).starts_with(s); }
  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  /// Goes on from the last position that was asked for: counting from the start for each token
  /// would take the square of the text's length.
  int LineAt(std::size_t position) const {
    if (position < counted_) {
      counted_ = 0;
      lines_ = 0;
    }
    lines_ +=
        static_cast<int>(std::count(text_.begin() + counted_, text_.begin() + position, '\n'));
    counted_ = position;
    return 1 + lines_;
  }
  static tl::unexpected<Error> Failure(std::string reason) {
    return Fail(Code::kInvalidArgument, std::move(reason));
  }

  void Add(TokenKind kind, std::size_t size) {
    tokens_.push_back({kind, static_cast<int>(at_), LineAt(at_), text_.substr(at_, size)});
    at_ += size;
  }

  /// "{{- " trims what stands before it.
  bool LeftTrims() const { return Peek(2) == '-' && kSpaces.find(Peek(3)) != kSpaces.npos; }
  bool AtTrimmedRight() const {
    return kSpaces.find(Peek()) != kSpaces.npos && text_.substr(at_ + 1).starts_with("-}}");
  }

  void LexText() {
    const std::size_t begin = at_;
    const std::size_t left = std::min(text_.find("{{", at_), text_.size());
    std::string_view text = text_.substr(begin, left - begin);
    at_ = left;
    if (left < text_.size() && LeftTrims()) {
      text = text.substr(0, text.find_last_not_of(kSpaces) + 1);
    }
    if (!text.empty()) {
      tokens_.push_back({TokenKind::kText, static_cast<int>(begin), LineAt(begin), text});
    }
  }

  void TrimAfter() {
    while (at_ < text_.size() && kSpaces.find(text_[at_]) != kSpaces.npos) ++at_;
  }

  /// {{/* … */}}, with the marks for trimming.
  Status LexComment(std::size_t open_size) {
    const std::size_t close = text_.find("*/", at_ + open_size + 2);
    if (close == std::string_view::npos) return Failure("unclosed comment");
    at_ = close + 2;
    const bool trims = AtTrimmedRight();
    if (trims) at_ += 2;
    if (!At("}}")) return Failure("comment ends before closing delimiter");
    at_ += 2;
    if (trims) TrimAfter();
    return {};
  }

  Status LexAction() {
    const bool trims = LeftTrims();
    const std::size_t open_size = trims ? 4 : 2;
    if (text_.substr(at_ + open_size).starts_with("/*")) return LexComment(open_size);
    tokens_.push_back({TokenKind::kLeft, static_cast<int>(at_), LineAt(at_), text_.substr(at_, 2)});
    at_ += trims ? 3 : 2;
    int parens = 0;
    for (;;) {
      const bool trimmed_right = AtTrimmedRight();
      if (trimmed_right || At("}}")) {
        if (parens > 0) return Failure("unclosed left paren");
        if (trimmed_right) at_ += 2;
        Add(TokenKind::kRight, 2);
        if (trimmed_right) TrimAfter();
        return {};
      }
      NX_RETURN_IF_ERROR(LexInside(parens));
    }
  }

  Status LexInside(int& parens) {
    if (at_ >= text_.size()) return Failure("unclosed action");
    const char c = Peek();
    if (kSpaces.find(c) != kSpaces.npos) return LexSpace();
    switch (c) {
      case ',':
        Add(TokenKind::kComma, 1);
        return {};
      case '|':
        Add(TokenKind::kPipe, 1);
        return {};
      case '=':
        Add(TokenKind::kAssign, 1);
        return {};
      case ':':
        if (Peek(1) != '=') return Failure("expected :=");
        Add(TokenKind::kDeclare, 2);
        return {};
      case '(':
        ++parens;
        Add(TokenKind::kLeftParen, 1);
        return {};
      case ')':
        if (--parens < 0) return Failure("unexpected right paren");
        Add(TokenKind::kRightParen, 1);
        return {};
      case '"':
        return LexQuoted('"', TokenKind::kString, "unterminated quoted string");
      case '\'':
        return LexQuoted('\'', TokenKind::kChar, "unterminated character constant");
      case '`':
        return LexRaw();
      case '$':
        return LexName(TokenKind::kVariable);
      default:
        break;
    }
    if (c == '.' && !IsDigit(Peek(1))) {
      return LexName(IsWord(Peek(1)) ? TokenKind::kField : TokenKind::kDot);
    }
    if (IsDigit(c) || c == '+' || c == '-' || c == '.') return LexNumber();
    if (IsWord(c)) return LexName(TokenKind::kIdentifier);
    if (c >= ' ' && c < '\x7F') {
      Add(TokenKind::kOther, 1);
      return {};
    }
    return Failure(
        fmt::format("unrecognized character in action: U+{:04X}", static_cast<unsigned char>(c)));
  }

  Status LexSpace() {
    std::size_t size = 0;
    // The space of a " -}}" belongs to that.
    while (kSpaces.find(Peek(size)) != kSpaces.npos && at_ + size < text_.size() &&
           !text_.substr(at_ + size + 1).starts_with("-}}")) {
      ++size;
    }
    Add(TokenKind::kSpace, size);
    return {};
  }

  Status LexQuoted(char quote, TokenKind kind, const char* unterminated) {
    std::size_t size = 1;
    for (; Peek(size) != quote; ++size) {
      if (Peek(size) == '\\') ++size;
      if (at_ + size >= text_.size() || Peek(size) == '\n') return Failure(unterminated);
    }
    Add(kind, size + 1);
    return {};
  }

  Status LexRaw() {
    const std::size_t close = text_.find('`', at_ + 1);
    if (close == std::string_view::npos) return Failure("unterminated raw quoted string");
    Add(TokenKind::kString, close + 1 - at_);
    return {};
  }

  /// Goes over one number that begins at `size`. @return false when it runs into a word
  bool ScanNumber(std::size_t& size) const {
    const auto accept = [&](std::string_view any) {
      if (any.find(Peek(size)) == any.npos) return false;
      ++size;
      return true;
    };
    std::string_view digits = "0123456789_";
    std::string_view exponent = "eE";
    accept("+-");
    if (accept("0")) {
      if (accept("xX")) {
        digits = "0123456789abcdefABCDEF_";
        exponent = "pP";
      } else if (accept("oO")) {
        digits = "01234567_";
        exponent = "";
      } else if (accept("bB")) {
        digits = "01_";
        exponent = "";
      }
    }
    const auto accept_all = [&](std::string_view any) {
      while (accept(any)) {
      }
    };
    accept_all(digits);
    if (accept(".")) accept_all(digits);
    if (accept(exponent)) {
      accept("+-");
      accept_all("0123456789_");
    }
    accept("i");
    if (!IsWord(Peek(size))) return true;
    // The first character of the word shows in the error.
    while ((Peek(++size) & 0xC0) == 0x80) {
    }
    return false;
  }

  Status LexNumber() {
    std::size_t size = 0;
    bool good = ScanNumber(size);
    TokenKind kind = TokenKind::kNumber;
    if (good && (Peek(size) == '+' || Peek(size) == '-')) {
      kind = TokenKind::kComplex;
      good = ScanNumber(size) && Peek(size - 1) == 'i';
    }
    if (!good) {
      return Failure(fmt::format("bad number syntax: {}", go::Quote(text_.substr(at_, size))));
    }
    Add(kind, size);
    return {};
  }

  Status LexName(TokenKind kind) {
    std::size_t size = kind == TokenKind::kIdentifier ? 0 : 1;
    while (IsWord(Peek(size))) ++size;
    const std::string_view word = text_.substr(at_, size);
    if (kind == TokenKind::kIdentifier) {
      if (word == "true" || word == "false") kind = TokenKind::kBool;
      if (std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end()) {
        kind = TokenKind::kKeyword;
      }
    }
    const char next = Peek(size);
    const bool ends = at_ + size >= text_.size() || kSpaces.find(next) != kSpaces.npos ||
                      std::string_view(".,|:()").find(next) != std::string_view::npos ||
                      text_.substr(at_ + size).starts_with("}}");
    if (!ends) return Failure(fmt::format("bad character U+{:04X} '{}'", next, next));
    Add(kind, size);
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
  mutable std::size_t counted_ = 0;  // Of LineAt.
  mutable int lines_ = 0;
};

}  // namespace

Tokens Tokenize(std::string_view text) { return Lexer(text).Run(); }

}  // namespace narthex::alerting::tmpl
