// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/number.h"

#include <charconv>
#include <cmath>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/sample.h"

namespace narthex::scrape {

namespace {

constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::uint64_t kMaxExact = std::uint64_t{1} << 53;
constexpr int kMaxDigits = 18;  // Of a mantissa that surely fits 64 bits.

bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

/// Reads "e+12" at p. @return the byte behind it, null when there are no digits or too many
const char* ParseExponent(const char* p, int& exponent) {
  ++p;
  const bool negative = *p == '-';
  if (negative || *p == '+') ++p;
  int value = 0;
  const char* const from = p;
  while (IsDigit(*p) && p - from < 4) value = value * 10 + (*p++ - '0');
  if (p == from || IsDigit(*p)) return nullptr;
  exponent += negative ? -value : value;
  return p;
}

}  // namespace

const char* ParseShortDecimal(const char* p, double& value) {
  const bool negative = *p == '-';
  if (negative) ++p;
  std::uint64_t mantissa = 0;
  const char* const from = p;
  while (IsDigit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
  auto digits = p - from;
  int exponent = 0;
  if (*p == '.') {
    const char* const fraction = ++p;
    while (IsDigit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
    exponent = static_cast<int>(fraction - p);
    digits += p - fraction;
  }
  if (digits == 0 || digits > kMaxDigits) return nullptr;
  if ((*p | 0x20) == 'e') {
    p = ParseExponent(p, exponent);
    if (p == nullptr) return nullptr;
  }
  // Both factors are exact, so one rounding gives the nearest double (Clinger's fast path).
  if (mantissa > kMaxExact || exponent < -22 || exponent > 22) return nullptr;
  double v = static_cast<double>(mantissa);
  v = exponent < 0 ? v / kPowersOfTen[-exponent] : v * kPowersOfTen[exponent];
  value = negative ? -v : v;
  return p;
}

Result<double> ParseValue(std::string_view token) {
  if (token.find_first_of("pP_") != std::string_view::npos) {
    return Fail(Code::kInvalidArgument, "unsupported character in float");
  }
  // Long decimals first: the standard library rounds correctly and does not allocate.
  if (!token.empty() && token.find_first_not_of("0123456789.eE-") == std::string_view::npos) {
    double value = 0;
    const char* const end = token.data() + token.size();
    const auto [stop, error] = std::from_chars(token.data(), end, value);
    if (error == std::errc() && stop == end) return value;
  }
  const auto value = go::ParseFloat(token);
  if (!value) {
    return Fail(Code::kInvalidArgument,
                fmt::format("strconv.ParseFloat: parsing {}: invalid syntax", go::Quote(token)));
  }
  if (std::isnan(*value)) return model::kNormalNaN;
  if (std::isinf(*value) && token.find_first_of("iI") == std::string_view::npos) {
    return Fail(
        Code::kInvalidArgument,
        fmt::format("strconv.ParseFloat: parsing {}: value out of range", go::Quote(token)));
  }
  return *value;
}

std::int64_t SecondsToMs(double seconds) {
  const double ms = seconds * 1000;
  if (!(ms >= -9.2e18 && ms <= 9.2e18)) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(ms);
}

}  // namespace narthex::scrape
