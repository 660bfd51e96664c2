// SPDX-License-Identifier: Apache-2.0
#include "promql/parser/unquote.h"

#include "narthex/base/utf8.h"

namespace narthex::promql {
namespace {

std::optional<char> SimpleEscape(char c) {
  switch (c) {
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '\\':
      return '\\';
    default:
      return std::nullopt;
  }
}

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

// Takes `digits` digits off the front of `rest`. @return -1 when they are not there
long TakeNumber(std::string_view& rest, std::size_t digits, int base) {
  if (rest.size() < digits) return -1;
  long value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const int digit = DigitValue(rest[i]);
    if (digit >= base) return -1;
    value = value * base + digit;
  }
  rest.remove_prefix(digits);
  return value;
}

// Appends what the escape at the front of `rest` (after its backslash) stands for.
bool AppendEscape(std::string_view& rest, char quote, std::string& out) {
  if (rest.empty()) return false;
  const char c = rest.front();
  if (c == quote) {
    out += quote;
    rest.remove_prefix(1);
    return true;
  }
  if (const auto simple = SimpleEscape(c)) {
    out += *simple;
    rest.remove_prefix(1);
    return true;
  }
  if (c == 'u' || c == 'U') {
    rest.remove_prefix(1);
    const long value = TakeNumber(rest, c == 'u' ? 4 : 8, 16);
    if (value < 0 || value > 0x10FFFF) return false;
    out += EncodeUtf8(static_cast<int>(value));
    return true;
  }
  if (c == 'x') rest.remove_prefix(1);
  const long byte = c == 'x' ? TakeNumber(rest, 2, 16) : TakeNumber(rest, 3, 8);
  if (byte < 0 || byte > 255) return false;
  out += static_cast<char>(byte);
  return true;
}

}  // namespace

std::optional<std::string> Unquote(std::string_view quoted) {
  if (quoted.size() < 2 || quoted.front() != quoted.back()) return std::nullopt;
  const char quote = quoted.front();
  std::string_view rest = quoted.substr(1, quoted.size() - 2);
  if (quote == '`') {
    if (rest.find('`') != std::string_view::npos) return std::nullopt;
    return std::string(rest);
  }
  if (quote != '"' && quote != '\'') return std::nullopt;
  std::string text;
  text.reserve(rest.size());
  while (!rest.empty()) {
    const char c = rest.front();
    if (c == quote || c == '\n') return std::nullopt;
    rest.remove_prefix(1);
    if (c != '\\') {
      text += c;
    } else if (!AppendEscape(rest, quote, text)) {
      return std::nullopt;
    }
  }
  return text;
}

}  // namespace narthex::promql
