// SPDX-License-Identifier: Apache-2.0
#include "promql/parser/number.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "narthex/base/go_format.h"

namespace narthex::promql {
namespace {

// Drops single underscores between digits (or after a base prefix); nullopt where they may not be.
std::optional<std::string> WithoutUnderscores(std::string_view text) {
  std::string digits;
  digits.reserve(text.size());
  bool after_digit = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      digits += text[i];
      after_digit = std::isalnum(static_cast<unsigned char>(text[i])) != 0;
      continue;
    }
    const bool before_digit =
        i + 1 < text.size() && std::isalnum(static_cast<unsigned char>(text[i + 1])) != 0;
    if (!after_digit || !before_digit) return std::nullopt;
    after_digit = false;
  }
  return digits;
}

std::optional<std::int64_t> ParseInteger(std::string_view digits) {
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    const bool hex = digits[1] == 'x' || digits[1] == 'X';
    base = hex ? 16 : 8;
    digits.remove_prefix(hex ? 2 : 1);
  }
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc() || rest != end || digits.front() == '-') return std::nullopt;
  return value;
}

}  // namespace

Result<double> ParseNumberText(std::string_view text) {
  const auto digits = WithoutUnderscores(text);
  if (!digits || digits->empty()) return Fail(Code::kInvalidArgument, "invalid syntax");
  if (const auto integer = ParseInteger(*digits)) return static_cast<double>(*integer);
  const auto value = go::ParseFloat(*digits);
  if (!value) return Fail(Code::kInvalidArgument, "invalid syntax");
  const bool named = (digits->front() | 0x20) == 'i';
  if (std::isinf(*value) && !named) return Fail(Code::kInvalidArgument, "value out of range");
  return *value;
}

}  // namespace narthex::promql
