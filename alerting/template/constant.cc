// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/constant.h"

#include <charconv>
#include <cmath>
#include <cstdint>

#include <fmt/core.h>

#include "narthex/base/go_format.h"

namespace narthex::alerting::tmpl {
namespace {

void AppendUtf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 63));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 63));
    put(0x80 | (c & 63));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 63));
    put(0x80 | (c >> 6 & 63));
    put(0x80 | (c & 63));
  }
}

/// Digits of a base after a backslash. @return nullopt when they are not all there
std::optional<std::uint32_t> TakeDigits(std::string_view& rest, std::size_t count, int base) {
  std::uint32_t number = 0;
  if (rest.size() < count) return std::nullopt;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + count, number, base);
  if (error != std::errc() || end != rest.data() + count) return std::nullopt;
  rest.remove_prefix(count);
  return number;
}

/// One escape after its backslash, appended to out.
bool TakeEscape(std::string_view& rest, char quote, std::string& out) {
  if (rest.empty()) return false;
  const char c = rest.front();
  constexpr std::string_view kNames = "abfnrtv\\";
  constexpr std::string_view kBytes = "\a\b\f\n\r\t\v\\";
  if (const auto at = kNames.find(c); at != std::string_view::npos || c == quote) {
    out += at != std::string_view::npos ? kBytes[at] : c;
    rest.remove_prefix(1);
    return true;
  }
  if (c >= '0' && c <= '7') {
    const auto byte = TakeDigits(rest, 3, 8);
    if (byte && *byte < 256) out += static_cast<char>(*byte);
    return byte && *byte < 256;
  }
  rest.remove_prefix(1);
  if (c == 'x') {
    const auto byte = TakeDigits(rest, 2, 16);
    if (byte) out += static_cast<char>(*byte);
    return byte.has_value();
  }
  if (c != 'u' && c != 'U') return false;
  const auto rune = TakeDigits(rest, c == 'u' ? 4 : 8, 16);
  if (!rune || *rune > 0x10FFFF || (*rune >= 0xD800 && *rune < 0xE000)) return false;
  AppendUtf8(out, *rune);
  return true;
}

/// Go's integer literals. @return nullopt when it is none, or too large
std::optional<std::int64_t> ParseInteger(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  const auto prefix = [&](char lower, char upper) {
    return text.size() > 2 && text[0] == '0' && (text[1] == lower || text[1] == upper);
  };
  if (prefix('x', 'X')) base = 16;
  if (prefix('b', 'B')) base = 2;
  if (prefix('o', 'O')) base = 8;
  std::size_t skip = base != 10 ? 2 : 0;
  if (base == 10 && text.size() > 1 && text[0] == '0') {
    base = 8;
    skip = 1;
  }
  std::string digits;
  bool after_digit = skip > 0;
  for (const char c : text.substr(skip)) {
    if (c == '_' && !after_digit) return std::nullopt;
    after_digit = c != '_';
    if (after_digit) digits += c;
  }
  if (digits.empty() || !after_digit) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;
  if (error != std::errc() || end != digits.data() + digits.size() ||
      number > (negative ? kLimit : kLimit - 1)) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(negative ? 0 - number : number);
}

}  // namespace

std::optional<std::string> UnquoteString(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  std::string_view rest = text.substr(1, text.size() - 2);
  std::string out;
  if (text[0] == '`') {
    for (const char c : rest) {
      if (c != '\r') out += c;  // As Go does.
    }
    return out;
  }
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '\n') return std::nullopt;
    if (c != '\\') {
      out += c;
    } else if (!TakeEscape(rest, '"', out)) {
      return std::nullopt;
    }
  }
  return out;
}

Result<Value> NumberConstant(std::string_view text) {
  if (const auto integer = ParseInteger(text)) return Value(*integer);
  const auto bad = [&] {
    return Fail(Code::kInvalidArgument, fmt::format("bad number syntax: {}", go::Quote(text)));
  };
  // Words such as "inf" are no literals, and an integer that does not fit is none either.
  const auto letter = text.find_first_of("0123456789");
  if (letter == std::string_view::npos) return bad();
  const auto number = go::ParseFloat(text);
  if (!number || !std::isfinite(*number)) return bad();
  const bool hex = text.find_first_of("xX") != std::string_view::npos;
  if (text.find_first_of(hex ? ".pP" : ".eEpP") == std::string_view::npos) {
    return Fail(Code::kInvalidArgument, fmt::format("integer overflow: {}", go::Quote(text)));
  }
  return Value(*number);
}

Result<Value> CharConstant(std::string_view text) {
  std::string_view rest = text.substr(1, text.size() - 2);
  std::string bytes;
  const bool raw_byte = rest.starts_with("\\x") ||
                        (rest.size() > 1 && rest[0] == '\\' && rest[1] >= '0' && rest[1] <= '7');
  bool good = !rest.empty();
  if (good && rest.front() == '\\') {
    rest.remove_prefix(1);
    good = TakeEscape(rest, '\'', bytes) && rest.empty();
  } else {
    bytes = rest;
  }
  if (!good) {
    return Fail(Code::kInvalidArgument, fmt::format("malformed character constant: {}", text));
  }
  const auto lead = static_cast<unsigned char>(bytes[0]);
  const std::size_t size = lead < 0x80 || raw_byte ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (bytes.size() != size) {
    return Fail(Code::kInvalidArgument, fmt::format("malformed character constant: {}", text));
  }
  std::int64_t rune = size == 1 ? lead : lead & (0xFF >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) rune = rune << 6 | (bytes[i] & 0x3F);
  return Value(rune);
}

}  // namespace narthex::alerting::tmpl
