// SPDX-License-Identifier: Apache-2.0
#include "src/config/yaml/scalar.h"

#include <charconv>
#include <optional>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/matcher.h"
#include "narthex/model/timestamp.h"
#include "src/config/yaml/node.h"
#include "src/config/yaml/url_check.h"

namespace narthex::config {

namespace {

constexpr std::string_view kUnits[] = {"", "K", "M", "G", "T", "P", "E"};

tl::unexpected<Error> WrongType() { return Fail(Code::kNotFound, "wrong type"); }

/// Go's strconv.ParseInt(text, 0, 64) without underscores.
std::optional<std::int64_t> ParseInt(std::string_view text) {
  std::string digits;
  for (char c : text) {
    if (c != '_') digits.push_back(c);
  }
  std::string_view rest = digits;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  int base = 10;
  if (rest.starts_with("0x")) {
    base = 16;
  } else if (rest.starts_with("0b")) {
    base = 2;
  } else if (rest.starts_with("0o")) {
    base = 8;
  } else if (rest.size() > 1 && rest[0] == '0') {
    base = 8;
    rest.remove_prefix(1);
  }
  if (base == 16 || base == 2 || (base == 8 && rest.starts_with("0o"))) rest.remove_prefix(2);
  std::uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), magnitude, base);
  if (error != std::errc() || end != rest.data() + rest.size()) return std::nullopt;
  if (magnitude > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  const auto number = static_cast<std::int64_t>(magnitude);
  return negative ? -number : number;
}

std::optional<double> ParseYamlFloat(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return std::nan("");
  const bool negative = text.starts_with('-');
  std::string_view rest = text;
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == ".inf" || rest == ".Inf" || rest == ".INF") {
    return negative ? -HUGE_VAL : HUGE_VAL;
  }
  return go::ParseFloat(text);
}

Status ParseBool(std::string_view text, Value& value) {
  if (MeaningOf(text) != ScalarMeaning::kBool) return WrongType();
  const char c = text[0];
  value.number =
      c == 'y' || c == 'Y' || c == 't' || c == 'T' || text == "on" || text == "On" || text == "ON";
  return {};
}

Status ParseInteger(std::string_view text, Value& value) {
  const auto number = ParseInt(text);
  if (number) {
    value.number = *number;
  } else {
    // Go takes a float without a fraction for an integer.
    const auto real = ParseYamlFloat(text);
    if (!real || MeaningOf(text) != ScalarMeaning::kFloat || *real != std::trunc(*real) ||
        std::fabs(*real) >= 9.2e18) {
      return WrongType();
    }
    value.number = static_cast<std::int64_t>(*real);
  }
  if (value.type().kind == Kind::kUint && value.number < 0) return WrongType();
  return {};
}

}  // namespace

Status ParseScalar(std::string_view text, Value& value) {
  switch (value.type().kind) {
    case Kind::kBool:
      return ParseBool(text, value);
    case Kind::kInt:
    case Kind::kUint:
      return ParseInteger(text, value);
    case Kind::kFloat: {
      const auto meaning = MeaningOf(text);
      const auto real = ParseYamlFloat(text);
      if (!real || (meaning != ScalarMeaning::kFloat && meaning != ScalarMeaning::kInt)) {
        return WrongType();
      }
      value.real = *real;
      return {};
    }
    case Kind::kDuration: {
      NX_ASSIGN_OR_RETURN(value.number, model::ParseDuration(text));
      return {};
    }
    case Kind::kSize: {
      NX_ASSIGN_OR_RETURN(value.number, ParseSize(text));
      return {};
    }
    case Kind::kUrl: {
      NX_RETURN_IF_ERROR(CheckUrl(text));
      value.text = text;
      return {};
    }
    case Kind::kRegex:
      if (auto regex = model::Regex::Compile(text); !regex) {
        return Fail(regex.error());
      } else if (!regex->GroupsFitMemory()) {
        return Fail(Code::kInvalidArgument,
                    "regular expression has too many groups for its length");
      }
      value.text = text;
      return {};
    default:
      value.text = text;
      return {};
  }
}

Result<std::int64_t> ParseSize(std::string_view text) {
  const auto fail = [&](std::string_view reason) {
    return Fail(Code::kInvalidArgument, fmt::format("units: {} {}", reason, text));
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return 0;
  if (rest.empty()) return fail("invalid");
  double total = 0;
  while (!rest.empty()) {
    const std::size_t number_end = std::min(rest.find_first_not_of("0123456789."), rest.size());
    double number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + number_end, number);
    if (error != std::errc() || end != rest.data() + number_end) return fail("invalid");
    rest.remove_prefix(number_end);
    const std::size_t unit_end = std::min(rest.find_first_of("0123456789."), rest.size());
    const std::string_view unit = rest.substr(0, unit_end);
    rest.remove_prefix(unit_end);
    double scale = 0;
    double power = 1;
    for (const std::string_view prefix : kUnits) {
      if (unit == fmt::format("{}B", prefix) ||
          (!prefix.empty() && unit == fmt::format("{}iB", prefix))) {
        scale = power;
      }
      power *= 1024;
    }
    if (scale == 0) return fail(fmt::format("unknown unit {} in", unit));
    total += number * scale;
  }
  if (total >= 9.2e18) return fail("overflow parsing unit");
  const auto bytes = static_cast<std::int64_t>(total);
  return negative ? -bytes : bytes;
}

std::string FormatSize(std::int64_t bytes) {
  if (bytes == 0) return "0B";
  std::string text;
  for (const std::string_view prefix : kUnits) {
    if (bytes % 1024 != 0) {
      text.insert(0, fmt::format("{}{}{}", bytes % 1024, prefix, prefix.empty() ? "B" : "iB"));
    }
    bytes /= 1024;
    if (bytes == 0) break;
  }
  return text;
}

std::string RedactUrl(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const std::size_t host = scheme + 3;
  const std::size_t path = std::min(url.find_first_of("/?#", host), url.size());
  const std::size_t at = url.substr(0, path).rfind('@');
  const std::size_t colon = url.find(':', host);
  if (at == std::string_view::npos || at < host || colon >= at) return std::string(url);
  return fmt::format("{}xxxxx{}", url.substr(0, colon + 1), url.substr(at));
}

std::string ScalarText(const Value& value) {
  switch (value.type().kind) {
    case Kind::kBool:
      return value.flag() ? "true" : "false";
    case Kind::kInt:
    case Kind::kUint:
      return std::to_string(value.number);
    case Kind::kFloat:
      return go::FormatFloatG(value.real);
    case Kind::kDuration:
      return model::FormatDuration(value.number);
    case Kind::kSize:
      return FormatSize(value.number);
    case Kind::kSecret:
      return value.text.empty() ? "" : "<secret>";
    case Kind::kUrl:
      return RedactUrl(value.text);
    default:
      return value.text;
  }
}

Result<std::string> DecodeBase64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t buffer = 0;
  int bits = 0;
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == '=') continue;
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return Fail(Code::kInvalidArgument, "invalid base64 data");
    ++digits;
    buffer = buffer << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<char>(buffer >> bits & 0xff));
    }
  }
  if (digits % 4 == 1) return Fail(Code::kInvalidArgument, "invalid base64 data");
  return bytes;
}

}  // namespace narthex::config
