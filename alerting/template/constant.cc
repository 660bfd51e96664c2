// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/constant.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/utf8.h"

namespace narthex::alerting::tmpl {
namespace {

/// How many bytes the character takes that begins with this one.
std::size_t RuneSize(char first) {
  const auto lead = static_cast<unsigned char>(first);
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
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
  out += EncodeUtf8(static_cast<int>(*rune));
  return true;
}

/// Go's integer literals, without a sign. @return nullopt when it is none, or too large
std::optional<std::uint64_t> ParseUnsigned(std::string_view text) {
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
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto size = ParseUnsigned(text);
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;
  if (!size || *size > (negative ? kLimit : kLimit - 1)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - *size : *size);
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
  if (text.ends_with('i')) {
    const auto imaginary = go::ParseFloat(text.substr(0, text.size() - 1));
    if (imaginary && std::isfinite(*imaginary)) return Value(Complex(0, *imaginary));
  }
  if (const auto integer = ParseInteger(text)) return Value(*integer);
  // Go finds out that an int does not hold it when it is executed.
  if (ParseUnsigned(text)) return Value();
  const auto number = go::ParseFloat(text);
  if (!number || !std::isfinite(*number)) {
    return Fail(Code::kInvalidArgument, fmt::format("illegal number syntax: {}", go::Quote(text)));
  }
  if (text.find_first_of(".eEpP") != std::string_view::npos) return Value(*number);
  return Fail(Code::kInvalidArgument, fmt::format("integer overflow: {}", go::Quote(text)));
}

Result<Value> ComplexConstant(std::string_view text) {
  const auto bad = [] {
    return Fail(Code::kInvalidArgument, "syntax error scanning complex number");
  };
  // The sign between the parts is the last one that belongs to no exponent.
  std::size_t middle = text.find_last_of("+-");
  while (middle != text.npos && middle > 0 &&
         std::string_view("eEpP").find(text[middle - 1]) != std::string_view::npos) {
    middle = text.find_last_of("+-", middle - 1);
  }
  if (middle == text.npos || middle == 0) return bad();
  const auto real = go::ParseFloat(text.substr(0, middle));
  const auto imaginary = go::ParseFloat(text.substr(middle, text.size() - 1 - middle));
  if (!real || !imaginary) return bad();
  return Value(Complex(*real, *imaginary));
}

Result<Value> CharConstant(std::string_view text) {
  std::string_view rest = text.substr(1);  // With the quote at the end.
  std::string bytes;
  const bool raw_byte = rest.starts_with("\\x") ||
                        (rest.size() > 1 && rest[0] == '\\' && rest[1] >= '0' && rest[1] <= '7');
  if (rest.front() == '\\') {
    rest.remove_prefix(1);
    if (!TakeEscape(rest, '\'', bytes)) return Fail(Code::kInvalidArgument, "invalid syntax");
  } else {
    if (rest.front() == '\'') return Fail(Code::kInvalidArgument, "invalid syntax");
    const std::size_t size = RuneSize(rest.front());
    bytes = rest.substr(0, size);
    rest.remove_prefix(std::min(size, rest.size()));
  }
  const std::size_t size = raw_byte ? 1 : RuneSize(bytes.front());
  if (rest != "'" || bytes.size() != size) {
    return Fail(Code::kInvalidArgument, fmt::format("malformed character constant: {}", text));
  }
  const auto lead = static_cast<unsigned char>(bytes[0]);
  std::int64_t rune = size == 1 ? lead : lead & (0xFF >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) rune = rune << 6 | (bytes[i] & 0x3F);
  return Value(rune);
}

}  // namespace narthex::alerting::tmpl
