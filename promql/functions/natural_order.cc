// SPDX-License-Identifier: Apache-2.0
#include "promql/functions/natural_order.h"

#include <charconv>
#include <cstdint>
#include <optional>

namespace narthex::promql {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// Cuts the first run of digits, or of other characters, off `text`.
std::string_view TakeRun(std::string_view& text) {
  const bool digits = IsDigit(text.front());
  std::size_t end = 1;
  while (end < text.size() && IsDigit(text[end]) == digits) ++end;
  const std::string_view run = text.substr(0, end);
  text.remove_prefix(end);
  return run;
}

/// nullopt when it is no number or too large for one.
std::optional<std::int64_t> ToNumber(std::string_view run) {
  if (!IsDigit(run.front())) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(run.data(), run.data() + run.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

}  // namespace

bool NaturalLess(std::string_view a, std::string_view b) {
  while (!a.empty()) {
    if (b.empty()) return false;
    const std::string_view x = TakeRun(a), y = TakeRun(b);
    const auto x_number = ToNumber(x), y_number = ToNumber(y);
    if (x_number && y_number) {
      if (*x_number != *y_number) return *x_number < *y_number;
    } else if (x != y) {
      return x < y;
    }
    // Equal so far: whichever ends first comes first.
    if (a.empty()) return true;
    if (b.empty()) return false;
  }
  return false;
}

}  // namespace narthex::promql
