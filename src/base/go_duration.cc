// SPDX-License-Identifier: Apache-2.0
//
// Go's time.Duration as text (https://pkg.go.dev/time#Duration.String).
#include <limits>

#include <fmt/format.h>

#include "narthex/base/go_format.h"

namespace narthex::go {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

// value / scale with up to `digits` decimals, trailing zeros dropped.
std::string Decimal(std::uint64_t value, std::uint64_t scale, int digits) {
  std::string out = std::to_string(value / scale);
  if (const std::uint64_t fraction = value % scale; fraction != 0) {
    out += fmt::format(".{:0{}}", fraction, digits);
    while (out.back() == '0') out.pop_back();
  }
  return out;
}

// Nanoseconds of a unit, 0 when it is not one.
std::uint64_t UnitNs(std::string_view unit) {
  if (unit == "ns") return 1;
  if (unit == "us" || unit == "\xc2\xb5s" || unit == "\xce\xbcs") return 1'000;
  if (unit == "ms") return 1'000'000;
  if (unit == "s") return kNsPerSecond;
  if (unit == "m") return 60 * kNsPerSecond;
  if (unit == "h") return 3600 * kNsPerSecond;
  return 0;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string FormatDuration(std::int64_t ns) {
  if (ns == 0) return "0s";
  const std::uint64_t u = ns < 0 ? -static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  const std::string sign = ns < 0 ? "-" : "";
  if (u < 1'000) return sign + std::to_string(u) + "ns";
  if (u < 1'000'000) return sign + Decimal(u, 1'000, 3) + "\xc2\xb5s";
  if (u < kNsPerSecond) return sign + Decimal(u, 1'000'000, 6) + "ms";
  const std::uint64_t minutes = u / (60 * kNsPerSecond);
  const std::string seconds = Decimal(u % (60 * kNsPerSecond), kNsPerSecond, 9) + "s";
  if (minutes == 0) return sign + seconds;
  if (minutes < 60) return sign + std::to_string(minutes) + "m" + seconds;
  return sign + std::to_string(minutes / 60) + "h" + std::to_string(minutes % 60) + "m" + seconds;
}

std::optional<std::int64_t> ParseDuration(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  long double total = 0;
  while (!text.empty()) {
    long double value = 0;
    long double scale = 1;
    std::size_t i = 0;
    bool any_digit = false;
    for (; i < text.size() && IsDigit(text[i]); ++i, any_digit = true) {
      value = value * 10 + (text[i] - '0');
    }
    if (i < text.size() && text[i] == '.') {
      for (++i; i < text.size() && IsDigit(text[i]); ++i, any_digit = true) {
        value = value * 10 + (text[i] - '0');
        scale *= 10;
      }
    }
    if (!any_digit) return std::nullopt;
    text.remove_prefix(i);
    std::size_t n = 0;
    while (n < text.size() && text[n] != '.' && !IsDigit(text[n])) ++n;
    const std::uint64_t unit = UnitNs(text.substr(0, n));
    if (unit == 0) return std::nullopt;
    text.remove_prefix(n);
    total += value * static_cast<long double>(unit) / scale;
    if (total > static_cast<long double>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
  }
  const auto ns = static_cast<std::int64_t>(total);
  return negative ? -ns : ns;
}

}  // namespace narthex::go
