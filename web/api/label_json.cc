// SPDX-License-Identifier: Apache-2.0
#include "web/api/label_json.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/hex.h"
#include "narthex/base/utf8.h"

namespace narthex::web {
namespace {

/// Upstream allows more, but nothing nested is any good here.
constexpr int kMaxDepth = 500;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// A character as Go's messages have it: 'x'.
std::string QuoteCharacter(char c) {
  if (c == '\'') return "'\\''";
  if (c == '"') return "'\"'";
  const std::string quoted = go::Quote(EncodeUtf8(static_cast<unsigned char>(c)));
  return fmt::format("'{}'", quoted.substr(1, quoted.size() - 2));
}

/// Walks one JSON text. The first problem ends it; see `problem`.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  const std::string& problem() const { return problem_; }

  /// What the value that begins here is called in messages; it is skipped.
  std::string_view SkipValue();
  /// Puts the text of the string that begins here into `out`.
  bool ReadString(std::string& out);
  /// The same of an object's key, and skips the colon behind it.
  bool ReadKey(std::string& out);

  /// Skips spaces; '\0' at the end.
  char Peek() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  /// Skips spaces and then this character. `where` tells where another one was found.
  bool Take(char c, std::string_view where) {
    if (Peek() == c) {
      ++at_;
      return true;
    }
    return Unexpected(where);
  }
  void Skip() { ++at_; }
  bool Finish() {
    Peek();
    return at_ == text_.size() || Unexpected("after top-level value");
  }
  /// Notes the character here as a problem. @return false
  bool Unexpected(std::string_view where) {
    return Problem(at_ < text_.size()
                       ? fmt::format("invalid character {} {}", QuoteCharacter(text_[at_]), where)
                       : "unexpected end of JSON input");
  }

 private:
  bool Problem(std::string text) {
    if (problem_.empty()) problem_ = std::move(text);
    return false;
  }
  /// The end counts as a space within words and numbers, as upstream's scanner has it.
  bool UnexpectedInWord(std::string_view where) {
    const char c = at_ < text_.size() ? text_[at_] : ' ';
    return Problem(fmt::format("invalid character {} {}", QuoteCharacter(c), where));
  }
  bool HasDigit() const { return at_ < text_.size() && IsDigit(text_[at_]); }
  bool SkipDigits(std::string_view where) {
    if (!HasDigit()) return UnexpectedInWord(where);
    while (HasDigit()) ++at_;
    return true;
  }
  bool SkipWord(std::string_view word);
  bool SkipNumber();
  bool SkipNested(bool object);
  bool ReadEscape(std::string& out);
  /// Four hexadecimal digits.
  bool ReadUnit(std::uint32_t& unit);

  const std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::string problem_;
};

bool Scanner::SkipWord(std::string_view word) {
  for (const char c : word) {
    if (at_ >= text_.size() || text_[at_] != c) {
      return UnexpectedInWord(fmt::format("in literal {} (expecting {})", word, QuoteCharacter(c)));
    }
    ++at_;
  }
  return true;
}

bool Scanner::SkipNumber() {
  if (text_[at_] == '-') ++at_;
  if (at_ < text_.size() && text_[at_] == '0') {
    ++at_;
  } else if (!SkipDigits("in numeric literal")) {
    return false;
  }
  if (at_ < text_.size() && text_[at_] == '.') {
    ++at_;
    if (!SkipDigits("after decimal point in numeric literal")) return false;
  }
  if (at_ < text_.size() && (text_[at_] | 0x20) == 'e') {
    ++at_;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    return SkipDigits("in exponent of numeric literal");
  }
  return true;
}

bool Scanner::SkipNested(bool object) {
  if (++depth_ > kMaxDepth) return Problem("exceeded max depth");
  const char close = object ? '}' : ']';
  ++at_;
  for (bool first = true;; first = false) {
    if (first && Peek() == close) break;
    std::string key;
    if (object && !ReadKey(key)) return false;
    if (SkipValue().empty()) return false;
    if (Peek() == close) break;
    if (!Take(',', object ? "after object key:value pair" : "after array element")) return false;
  }
  ++at_;
  --depth_;
  return true;
}

bool Scanner::ReadKey(std::string& out) {
  if (Peek() != '"') return Unexpected("looking for beginning of object key string");
  return ReadString(out) && Take(':', "after object key");
}

std::string_view Scanner::SkipValue() {
  std::string ignored;
  const char c = Peek();
  const auto named = [](bool good, std::string_view name) { return good ? name : ""; };
  switch (c) {
    case '{':
      return named(SkipNested(true), "object");
    case '[':
      return named(SkipNested(false), "array");
    case '"':
      return named(ReadString(ignored), "string");
    case 't':
      return named(SkipWord("true"), "bool");
    case 'f':
      return named(SkipWord("false"), "bool");
    case 'n':
      return named(SkipWord("null"), "null");
    default:
      break;
  }
  if (c == '-' || IsDigit(c)) return named(SkipNumber(), "number");
  return named(Unexpected("looking for beginning of value"), "");
}

bool Scanner::ReadUnit(std::uint32_t& unit) {
  unit = 0;
  for (int i = 0; i < 4; ++i) {
    const int digit = at_ < text_.size() ? HexDigitValue(text_[at_]) : -1;
    if (digit < 0) return UnexpectedInWord("in \\u hexadecimal character escape");
    unit = unit * 16 + static_cast<std::uint32_t>(digit);
    ++at_;
  }
  return true;
}

bool Scanner::ReadEscape(std::string& out) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const char c = at_ < text_.size() ? text_[at_] : ' ';
  if (const auto i = kLetters.find(c); i != std::string_view::npos) {
    ++at_;
    out += kMeanings[i];
    return true;
  }
  if (c != 'u') return UnexpectedInWord("in string escape code");
  ++at_;
  std::uint32_t unit = 0;
  if (!ReadUnit(unit)) return false;
  // Two halves of a pair are one code point; a half alone is none.
  if (unit >= 0xd800 && unit < 0xdc00 && text_.substr(at_, 2) == "\\u") {
    const std::size_t before = at_;
    at_ += 2;
    std::uint32_t low = 0;
    if (!ReadUnit(low)) return false;
    if (low >= 0xdc00 && low < 0xe000) {
      unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    } else {
      at_ = before;
    }
  }
  out += EncodeUtf8(static_cast<int>(unit));
  return true;
}

bool Scanner::ReadString(std::string& out) {
  out.clear();
  for (++at_; at_ < text_.size();) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return true;
    }
    if (c == '\\') {
      ++at_;
      if (!ReadEscape(out)) return false;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      return Unexpected("in string literal");
    } else {
      const auto [code, width] = DecodeUtf8(text_.substr(at_));
      out += EncodeUtf8(code);
      at_ += width;
    }
  }
  return Unexpected("");
}

Error CannotTake(std::string_view value, std::string_view type) {
  return Error(Code::kInvalidArgument,
               fmt::format("json: cannot unmarshal {} into Go value of type {}", value, type));
}

/// The members of an object that is good JSON.
Result<std::map<std::string, std::string>> ReadMembers(Scanner& scanner) {
  std::map<std::string, std::string> members;
  scanner.Skip();
  while (scanner.Peek() != '}') {
    std::string key;
    std::string value;
    scanner.ReadKey(key);
    if (scanner.Peek() == '"') {
      scanner.ReadString(value);
    } else if (const std::string_view kind = scanner.SkipValue(); kind != "null") {
      return Fail(CannotTake(kind, "string"));
    }
    members.insert_or_assign(std::move(key), std::move(value));
    if (scanner.Peek() == ',') scanner.Skip();
  }
  return members;
}

}  // namespace

Result<model::Labels> ParseLabelsJson(std::string_view text) {
  Scanner check(text);
  const std::string_view kind = check.SkipValue();
  if (kind.empty() || !check.Finish()) return Fail(Code::kInvalidArgument, check.problem());
  if (kind == "null") return model::Labels();
  if (kind != "object") return Fail(CannotTake(kind, "map[string]string"));
  Scanner scanner(text);
  scanner.Peek();
  NX_ASSIGN_OR_RETURN(const auto members, ReadMembers(scanner));
  model::LabelsBuilder labels;
  for (const auto& [name, value] : members) {
    if (!value.empty()) labels.Set(name, value);
  }
  return labels.Build();
}

}  // namespace narthex::web
