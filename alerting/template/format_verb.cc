// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/format_verb.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/utf8.h"

namespace narthex::alerting::tmpl {
namespace {

constexpr int kMaxPrecision =
    400;  // Of floats; no double has more digits than zeros from there on.

bool IsOneOf(char letter, std::string_view letters) {
  return letter != '\0' && letters.find(letter) != std::string_view::npos;
}

std::size_t CountRunes(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string ToUpperAscii(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string_view SignOf(const Verb& verb, bool negative) {
  return negative ? "-" : verb.plus ? "+" : verb.space ? " " : "";
}

std::string RuneText(std::int64_t rune) {
  return EncodeUtf8(rune < 0 || rune > 0x10FFFF ? kReplacementChar : static_cast<int>(rune));
}

/// The quoted text with \u and \U for all that is not ASCII.
std::string ToAscii(std::string_view quoted) {
  std::string out;
  while (!quoted.empty()) {
    const auto [rune, size] = DecodeUtf8(quoted);
    if (size == 1) {
      out += quoted.front();
    } else {
      out += rune < 0x10000 ? fmt::format("\\u{:04x}", rune) : fmt::format("\\U{:08x}", rune);
    }
    quoted.remove_prefix(size);
  }
  return out;
}

std::string Quoted(const Verb& verb, std::string_view text) {
  return verb.plus ? ToAscii(go::Quote(text)) : go::Quote(text);
}

/// A character in single quotes.
std::string QuotedRune(const Verb& verb, std::int64_t rune) {
  const std::string text = RuneText(rune);
  if (text == "'") return R"('\'')";
  if (text == "\"") return R"('"')";
  std::string quoted = Quoted(verb, text);
  quoted.front() = quoted.back() = '\'';
  return quoted;
}

std::string UnicodeName(const Verb& verb, std::int64_t rune) {
  std::string text = fmt::format("U+{:0{}X}", static_cast<std::uint64_t>(rune),
                                 std::clamp(verb.precision, 4, kMaxPrecision));
  const bool known = rune >= 0 && rune <= 0x10FFFF;
  if (verb.sharp && known) {
    const std::string quoted = go::Quote(RuneText(rune));
    // What is not printable is quoted by an escape.
    const bool printable = quoted[1] != '\\' || rune == '\\' || rune == '"';
    if (printable) text += " '" + RuneText(rune) + '\'';
  }
  return text;
}

struct Base {
  int number = 10;
  std::string_view prefix;  // With '#'.
};

Base BaseOf(char letter) {
  switch (letter) {
    case 'b':
      return {2, "0b"};
    case 'o':
      return {8, "0"};
    case 'O':
      return {8, ""};
    case 'x':
      return {16, "0x"};
    case 'X':
      return {16, "0X"};
    default:
      return {};
  }
}

std::string Digits(std::uint64_t v, int base) {
  switch (base) {
    case 2:
      return fmt::format("{:b}", v);
    case 8:
      return fmt::format("{:o}", v);
    case 16:
      return fmt::format("{:x}", v);
    default:
      return std::to_string(v);
  }
}

std::string Number(const Verb& verb, std::int64_t v) {
  const auto size = v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
  if (verb.precision == 0 && v == 0) return "";
  const Base base = BaseOf(verb.letter());
  std::string digits = Digits(size, base.number);
  if (verb.letter() == 'X') digits = ToUpperAscii(std::move(digits));
  const std::string_view sign = SignOf(verb, v < 0);
  // Zeros up to the width are digits as those of a precision are; a prefix comes on top.
  int count = verb.precision;
  if (count < 0 && verb.zero && !verb.minus) count = verb.width - static_cast<int>(sign.size());
  if (count > static_cast<int>(digits.size())) {
    digits.insert(0, static_cast<std::size_t>(count) - digits.size(), '0');
  }
  const bool prefixed = verb.sharp && !(base.number == 8 && digits.front() == '0');
  return fmt::format("{}{}{}{}", sign, verb.letter() == 'O' ? "0o" : "",
                     prefixed ? base.prefix : "", digits);
}

/// C's conversion, whose exponents are Go's.
std::string CFormat(char letter, int precision, double v) {
  const std::string format = fmt::format("%.*{}", letter);
  std::string text(1024, '\0');
  // NOLINTNEXTLINE: the format is made above and its arguments fit it.
  const int size = std::snprintf(text.data(), text.size(), format.c_str(), precision, v);
  text.resize(static_cast<std::size_t>(std::clamp(size, 0, 1023)));
  return text;
}

constexpr int kMantissaBits = 52;

/// 0x1.8p+01 of v ≥ 0. @param precision  digits behind the point; -1 = as many as it takes
std::string HexFloat(double v, int precision) {
  int exponent = 0;
  // A one, a point and 13 digits.
  auto mantissa =
      static_cast<std::uint64_t>(std::ldexp(std::frexp(v, &exponent), kMantissaBits + 1));
  if (v != 0) --exponent;
  constexpr int kDigits = kMantissaBits / 4;
  if (precision >= 0 && precision < kDigits) {
    const int dropped = 4 * (kDigits - precision);
    const std::uint64_t unit = std::uint64_t{1} << dropped;
    const std::uint64_t rest = mantissa % unit;
    mantissa -= rest;
    if (rest > unit / 2 || (rest == unit / 2 && mantissa / unit % 2 == 1)) mantissa += unit;
    if (mantissa >> (kMantissaBits + 1) != 0) {
      mantissa >>= 1;
      ++exponent;
    }
  }
  std::string digits = fmt::format("{:014x}", mantissa);
  std::string fraction = digits.substr(1);
  if (precision < 0) {
    fraction.resize(fraction.find_last_not_of('0') + 1);
  } else {
    fraction.resize(static_cast<std::size_t>(precision), '0');
  }
  return fmt::format("0x{}{}{}p{}{:02}", digits[0], fraction.empty() ? "" : ".", fraction,
                     exponent < 0 ? '-' : '+', std::abs(exponent));
}

/// "4503599627370496p-52": the whole mantissa and the exponent of 2.
std::string BinaryFloat(double v) {
  const auto bits = std::bit_cast<std::uint64_t>(v);
  const std::uint64_t one = std::uint64_t{1} << kMantissaBits;
  const int field = static_cast<int>(bits >> kMantissaBits);
  const std::uint64_t mantissa = bits % one + (field > 0 ? one : 0);
  return fmt::format("{}p{:+}", mantissa, std::max(field, 1) - 1075);
}

/// What '#' does to a float: it gets a point, and of %g and %x as many digits as its precision
/// says, 6 without one.
std::string WithPoint(const std::string& text, char letter, int precision) {
  const bool hex = letter == 'x' || letter == 'X';
  const std::size_t tail = std::min(text.find_first_of(hex ? "pP" : "eE"), text.size());
  std::string number = text.substr(0, tail);
  if (number.find('.') == std::string::npos) number += '.';
  if (IsOneOf(letter, "vgGx")) {
    int digits = precision < 0 ? 6 : precision;
    const std::size_t first = number.find_first_not_of("0.");
    for (std::size_t i = first; i < number.size(); ++i) digits -= number[i] != '.' ? 1 : 0;
    if (number == "0.") --digits;
    number.append(static_cast<std::size_t>(std::max(digits, 0)), '0');
  }
  return number + text.substr(tail);
}

/// A finite v ≥ 0.
std::string FloatDigits(char letter, int precision, double v) {
  switch (letter) {
    case 'b':
      return BinaryFloat(v);
    case 'x':
      return HexFloat(v, precision);
    case 'X':
      return ToUpperAscii(HexFloat(v, precision));
    case 'G':
      return ToUpperAscii(precision < 0 ? go::FormatFloatG(v) : CFormat('g', precision, v));
    case 'e':
    case 'E':
    case 'f':
    case 'F':
      return CFormat(letter == 'F' ? 'f' : letter, precision < 0 ? 6 : precision, v);
    default:
      return precision < 0 ? go::FormatFloatG(v) : CFormat('g', precision, v);
  }
}

/// As many characters as the precision says.
std::string_view Shortened(const Verb& verb, std::string_view text) {
  std::size_t end = 0;
  for (int runes = 0; end < text.size() && runes != verb.precision; ++runes) {
    ++end;
    while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
  }
  return text.substr(0, end);
}

std::string HexBytes(const Verb& verb, std::string_view text) {
  if (verb.precision >= 0) text = text.substr(0, static_cast<std::size_t>(verb.precision));
  std::string out;
  for (const char c : text) {
    if (verb.space && !out.empty()) out += ' ';
    if (verb.sharp && (verb.space || out.empty())) out += "0x";
    out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  return verb.letter() == 'X' ? ToUpperAscii(std::move(out)) : out;
}

/// Whether the text can stand between back quotes as it is.
bool CanBackquote(std::string_view text) {
  while (!text.empty()) {
    const auto [rune, size] = DecodeUtf8(text);
    const bool bad =
        size == 1 ? (rune < ' ' && rune != '\t') || rune == '`' || rune >= 0x7F : rune == 0xFEFF;
    if (bad) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace

std::string Pad(const Verb& verb, const std::string& text) {
  const std::size_t size = CountRunes(text);
  if (verb.width < 0 || size >= static_cast<std::size_t>(verb.width)) return text;
  const std::size_t fill = static_cast<std::size_t>(verb.width) - size;
  return verb.minus ? text + std::string(fill, ' ')
                    : std::string(fill, verb.zero ? '0' : ' ') + text;
}

bool AppendBool(const Verb& verb, bool v, std::string& out) {
  if (!IsOneOf(verb.letter(), "vt")) return false;
  out += Pad(verb, v ? "true" : "false");
  return true;
}

bool AppendInteger(const Verb& verb, std::int64_t v, std::string& out) {
  Verb spaces = verb;
  spaces.zero = false;
  switch (verb.letter()) {
    case 'c':
      out += Pad(verb, RuneText(v));
      return true;
    case 'q':
      out += Pad(verb, QuotedRune(verb, v));
      return true;
    case 'U':
      out += Pad(spaces, UnicodeName(verb, v));
      return true;
    default:
      if (!IsOneOf(verb.letter(), "vdbox") && !IsOneOf(verb.letter(), "OX")) return false;
      out += Pad(spaces, Number(verb, v));
      return true;
  }
}

bool AppendFloat(const Verb& verb, double v, std::string& out) {
  if (!IsOneOf(verb.letter(), "vbgGxXfFeE")) return false;
  Verb spaces = verb;
  spaces.zero = false;
  if (std::isnan(v)) {
    out += Pad(spaces, std::string(SignOf(verb, false)) + "NaN");
    return true;
  }
  if (std::isinf(v)) {  // Always with a sign, or a space instead.
    out += Pad(spaces, (v < 0 ? "-" : verb.space && !verb.plus ? " " : "+") + std::string("Inf"));
    return true;
  }
  const int precision = std::min(verb.precision, kMaxPrecision);
  std::string digits = FloatDigits(verb.letter(), precision, std::fabs(v));
  if (verb.sharp && verb.letter() != 'b') digits = WithPoint(digits, verb.letter(), precision);
  const std::string sign(SignOf(verb, std::signbit(v)));
  if (!verb.zero || verb.minus) {
    out += Pad(spaces, sign + digits);
    return true;
  }
  Verb rest = verb;
  rest.width -= static_cast<int>(sign.size());
  out += sign + Pad(rest, digits);
  return true;
}

bool AppendComplex(const Verb& verb, const Complex& v, std::string& out) {
  std::string real;
  std::string imaginary;
  if (!AppendFloat(verb, v.real(), real)) return false;
  Verb with_sign = verb;
  with_sign.plus = true;
  AppendFloat(with_sign, v.imag(), imaginary);
  out += '(' + real + imaginary + "i)";
  return true;
}

bool AppendText(const Verb& verb, std::string_view v, std::string& out) {
  switch (verb.letter()) {
    case 'v':
      out += Pad(verb,
                 verb.go_syntax ? go::Quote(Shortened(verb, v)) : std::string(Shortened(verb, v)));
      return true;
    case 's':
      out += Pad(verb, std::string(Shortened(verb, v)));
      return true;
    case 'x':
    case 'X':
      out += Pad(verb, HexBytes(verb, v));
      return true;
    case 'q': {
      const std::string_view text = Shortened(verb, v);
      out += Pad(verb,
                 verb.sharp && CanBackquote(text) ? fmt::format("`{}`", text) : Quoted(verb, text));
      return true;
    }
    default:
      return false;
  }
}

}  // namespace narthex::alerting::tmpl
