// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/go_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <ctime>
#include <system_error>

#include <fmt/format.h>

namespace narthex::go {
namespace {

// Appends NaN and infinities by Go's names. @return whether v was one of them
bool AppendSpecial(std::string& out, double v) {
  if (std::isnan(v)) {
    out += "NaN";
  } else if (std::isinf(v)) {
    out += v > 0 ? "+Inf" : "-Inf";
  } else {
    return false;
  }
  return true;
}

// The longest shortest-form 'f' output: a sign and 309 digits, or "0." and 324+17 digits.
using FloatBuffer = std::array<char, 400>;

void AppendChars(std::string& out, double v, std::chars_format format) {
  FloatBuffer buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v, format);
  out.append(buffer.data(), end);
}

// 'f' form. to_chars prints all digits of integers from 2^53 up; Go prints the shortest digits that
// read back and then zeros.
void AppendFixed(std::string& out, double v) {
  constexpr double kExactIntegers = 9007199254740992.0;
  if (std::fabs(v) < kExactIntegers) {
    AppendChars(out, v, std::chars_format::fixed);
    return;
  }
  FloatBuffer buffer;
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), v, std::chars_format::scientific);
  const char* p = buffer.data();
  if (*p == '-') out += *p++;
  int exponent = 0;
  int digits = 0;
  for (; *p != 'e'; ++p) {
    if (*p == '.') continue;
    out += *p;
    ++digits;
  }
  std::from_chars(p + 2, end, exponent);  // After "e+".
  out.append(static_cast<std::size_t>(std::max(0, exponent + 1 - digits)), '0');
}

// Decimal exponent of the shortest form of a finite v ≠ 0, as in its 'e' form.
int DecimalExponent(double v) {
  FloatBuffer buffer;
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), v, std::chars_format::scientific);
  const char* e = end;
  while (*--e != 'e') {
  }
  int exponent = 0;
  std::from_chars(e[1] == '+' ? e + 2 : e + 1, end, exponent);
  return exponent;
}

// Decimals of at most this many digits differ as doubles, so one that reads back is the shortest.
constexpr double kSurelyExact = 1e15;

// Writes 0 < v < kSurelyExact when it has at most six decimals and fifteen digits; null otherwise.
char* WriteShortDecimal(char* out, double v) {
  constexpr std::uint64_t kScale = 1'000'000;
  if (v >= kSurelyExact / kScale) return nullptr;
  // Were v such a decimal, this would be off its digits by less than a quarter.
  // NOLINTNEXTLINE(bugprone-incorrect-roundings): below 2^50, so the sum is exact to an eighth.
  const auto digits = static_cast<std::uint64_t>(v * kScale + 0.5);
  if (static_cast<double>(digits) / kScale != v) return nullptr;
  out = std::to_chars(out, out + kMaxFloatJsonBytes - 1, digits / kScale).ptr;
  auto rest = static_cast<std::uint32_t>(digits % kScale);
  int places = 6;
  for (; rest % 10 == 0; rest /= 10) --places;
  *out = '.';
  for (int i = places; i > 0; --i, rest /= 10) out[i] = static_cast<char>('0' + rest % 10);
  return out + places + 1;
}

constexpr auto kDigitPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

// Eight digits, with zeros in front.
void WriteEightDigits(char* out, std::uint32_t v) {
  const std::uint32_t high = v / 10'000, low = v % 10'000;
  std::memcpy(out, &kDigitPairs[high / 100 * 2], 2);
  std::memcpy(out + 2, &kDigitPairs[high % 100 * 2], 2);
  std::memcpy(out + 4, &kDigitPairs[low / 100 * 2], 2);
  std::memcpy(out + 6, &kDigitPairs[low % 100 * 2], 2);
}

constexpr auto kPowersOfTen = [] {
  std::array<std::uint64_t, 18> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

// The last `count` ≤ 17 digits of v < 10^count; zeros behind them, up to the 17th.
char* WriteFraction(char* out, std::uint64_t v, int count) {
  constexpr int kTwoEights = 16;
  constexpr std::uint64_t kEight = 100'000'000;
  if (count > kTwoEights) {
    *out++ = static_cast<char>('0' + v / kPowersOfTen[kTwoEights]);
    v %= kPowersOfTen[kTwoEights];
    count = kTwoEights;
  }
  v *= kPowersOfTen[kTwoEights - count];
  WriteEightDigits(out, static_cast<std::uint32_t>(v / kEight));
  WriteEightDigits(out + 8, static_cast<std::uint32_t>(v % kEight));
  return out + count;
}

// The shortest digits of 1e-6 ≤ v < 1e21, in 'f' form.
char* WritePlain(char* out, double v) {
  // Behind fmt's door: what it offers in front makes text of these slower than this does.
  const auto [digits, exponent] = fmt::detail::dragonbox::to_decimal(v);
  char* const end = out + kMaxFloatJsonBytes;
  if (exponent >= 0) {
    out = std::to_chars(out, end, digits).ptr;
    return std::fill_n(out, exponent, '0');
  }
  // Decimals beyond the 17th mean that there are zeros behind the point.
  constexpr int kMostDigits = 17;
  const int decimals = std::min(-exponent, kMostDigits);
  out = std::to_chars(out, end, digits / kPowersOfTen[decimals]).ptr;
  *out++ = '.';
  out = std::fill_n(out, -exponent - decimals, '0');
  return WriteFraction(out, digits % kPowersOfTen[decimals], decimals);
}

bool EqualFold(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if ((a[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

// Underscores stand between digits, or between the prefix 0x and a digit. Removes them; false when
// one is misplaced. (The rule of Go's number literals.)
bool StripUnderscores(std::string_view text, std::string& out) {
  if (text.find('_') == std::string_view::npos) {
    out = text;
    return true;
  }
  std::size_t i = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  bool hex = false;
  char previous = '^';  // '0' after a digit, '_' after an underscore, '!' after anything else.
  if (text.size() >= i + 2 && text[i] == '0' && (text[i + 1] | 0x20) == 'x') {
    hex = true;
    i += 2;
    previous = '0';  // The prefix counts as a digit.
  }
  out.assign(text.substr(0, i));
  for (; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_digit = (c >= '0' && c <= '9') || (hex && (c | 0x20) >= 'a' && (c | 0x20) <= 'f');
    if (c == '_') {
      if (previous != '0') return false;
      previous = '_';
      continue;
    }
    if (previous == '_' && !is_digit) return false;
    previous = is_digit ? '0' : '!';
    out += c;
  }
  return previous != '_';
}

// Reads a magnitude (no sign). from_chars reports a range error for both overflow and underflow,
// and does not take the prefix 0x, which strtod needs.
std::optional<double> ParseMagnitude(const char* begin, const char* end, bool hex) {
  double v = 0;
  const auto [p, error] = std::from_chars(
      begin + (hex ? 2 : 0), end, v, hex ? std::chars_format::hex : std::chars_format::general);
  if (p != end || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) v = std::strtod(begin, nullptr);
  return v;
}

void AppendHex(std::string& out, std::uint32_t v, int digits) {
  constexpr char kHex[] = "0123456789abcdef";
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += kHex[(v >> shift) & 15];
}

// Decodes one rune at p; length 1 and false for invalid UTF-8.
bool DecodeRune(const char* p, const char* end, std::uint32_t& rune, int& length) {
  const auto at = [p](int i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(p[i]));
  };
  const auto tail = [&](int i) { return p + i < end && (at(i) & 0xc0) == 0x80; };
  length = 1;
  rune = at(0);
  if (rune < 0x80) return true;
  if (rune >= 0xc2 && rune <= 0xdf && tail(1)) {
    rune = (rune & 0x1f) << 6 | (at(1) & 0x3f);
    length = 2;
    return true;
  }
  if (rune >= 0xe0 && rune <= 0xef && tail(1) && tail(2)) {
    rune = (rune & 0x0f) << 12 | (at(1) & 0x3f) << 6 | (at(2) & 0x3f);
    if (rune < 0x800 || (rune >= 0xd800 && rune <= 0xdfff)) return false;
    length = 3;
    return true;
  }
  if (rune >= 0xf0 && rune <= 0xf4 && tail(1) && tail(2) && tail(3)) {
    rune = (rune & 0x07) << 18 | (at(1) & 0x3f) << 12 | (at(2) & 0x3f) << 6 | (at(3) & 0x3f);
    if (rune < 0x10000 || rune > 0x10ffff) return false;
    length = 4;
    return true;
  }
  return false;
}

// An approximation of unicode.IsPrint: all but controls, separators other than ' ', private use,
// surrogates, non-characters and format characters.
bool IsPrint(std::uint32_t r) {
  if (r < 0x20 || (r >= 0x7f && r <= 0xa0) || r == 0xad) return false;
  if ((r >= 0x2000 && r <= 0x200f) || (r >= 0x2028 && r <= 0x202f) ||
      (r >= 0x205f && r <= 0x206f)) {
    return false;
  }
  if (r == 0x1680 || r == 0x3000 || r == 0xfeff || (r >= 0xfff0 && r <= 0xfffb)) return false;
  if ((r >= 0xe000 && r <= 0xf8ff) || (r & 0xfffe) == 0xfffe) return false;
  if (r >= 0xfdd0 && r <= 0xfdef) return false;
  return r < 0xe0000;
}

void AppendQuotedRune(std::string& out, std::uint32_t rune, std::string_view bytes) {
  switch (rune) {
    case '\a':
      out += "\\a";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\v':
      out += "\\v";
      return;
    case '"':
    case '\\':
      out += '\\';
      out += static_cast<char>(rune);
      return;
    default:
      break;
  }
  if (IsPrint(rune)) {
    out += bytes;
  } else if (rune < ' ' || rune == 0x7f) {
    out += "\\x";
    AppendHex(out, rune, 2);
  } else if (rune < 0x10000) {
    out += "\\u";
    AppendHex(out, rune, 4);
  } else {
    out += "\\U";
    AppendHex(out, rune, 8);
  }
}

}  // namespace

void AppendFloatF(std::string& out, double v) {
  if (!AppendSpecial(out, v)) AppendFixed(out, v);
}

std::string FormatFloatF(double v) {
  std::string out;
  AppendFloatF(out, v);
  return out;
}

std::string FormatFloatE(double v) {
  std::string out;
  if (!AppendSpecial(out, v)) AppendChars(out, v, std::chars_format::scientific);
  return out;
}

std::string FormatFloatG(double v) {
  constexpr int kMaxPlainExponent = 6;  // strconv rule for the shortest form.
  std::string out;
  if (AppendSpecial(out, v)) return out;
  constexpr double kTooLong = 1e6;  // From here on with an exponent.
  if (const auto whole = static_cast<std::int64_t>(std::fabs(v) < kTooLong ? v : 0);
      whole != 0 && static_cast<double>(whole) == v) {
    return std::to_string(whole);
  }
  const int exponent = v == 0 ? 0 : DecimalExponent(v);
  if (exponent < -4 || exponent >= kMaxPlainExponent) {
    AppendChars(out, v, std::chars_format::scientific);
  } else {
    AppendFixed(out, v);
  }
  return out;
}

std::string FormatFloatFixed6(double v) {
  std::string out;
  if (!AppendSpecial(out, v)) out = fmt::format("{:.6f}", v);
  return out;
}

void AppendFloatJson(std::string& out, double v, bool pad_exponent) {
  char buffer[kMaxFloatJsonBytes];
  out.append(buffer, WriteFloatJson(buffer, v, pad_exponent));
}

char* WriteFloatJson(char* out, double v, bool pad_exponent) {
  if (!std::isfinite(v)) {
    const std::string_view name = std::isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf";
    std::memcpy(out, name.data(), name.size());
    return out + name.size();
  }
  if (std::signbit(v)) *out++ = '-';
  const double magnitude = std::fabs(v);
  char* const end = out + kMaxFloatJsonBytes - 1;
  // Most samples are small integers or short decimals; the general algorithm is for the others.
  if (magnitude < kSurelyExact) {
    const auto whole = static_cast<std::uint64_t>(magnitude);
    if (static_cast<double>(whole) == magnitude) return std::to_chars(out, end, whole).ptr;
    if (char* const written = WriteShortDecimal(out, magnitude)) return written;
  }
  if (magnitude >= 1e-6 && magnitude < 1e21) return WritePlain(out, magnitude);
  char* last = std::to_chars(out, end, magnitude, std::chars_format::scientific).ptr;
  // encoding/json writes e-09 as e-9.
  if (!pad_exponent && last[-4] == 'e' && last[-3] == '-' && last[-2] == '0') {
    last[-2] = last[-1];
    --last;
  }
  return last;
}

std::optional<double> ParseFloat(std::string_view text) {
  std::string digits;
  if (text.empty() || !StripUnderscores(text, digits)) return std::nullopt;
  const char* p = digits.data();
  const char* const end = p + digits.size();
  bool negative = false;
  if (*p == '+' || *p == '-') {
    negative = *p == '-';
    ++p;
  }
  const std::string_view rest(p, static_cast<std::size_t>(end - p));
  if (rest.empty()) return std::nullopt;
  if (EqualFold(rest, "inf") || EqualFold(rest, "infinity")) {
    return negative ? -HUGE_VAL : HUGE_VAL;
  }
  if (EqualFold(rest, "nan") && digits.size() == rest.size()) {
    double nan;
    constexpr std::uint64_t kBits = 0x7ff8000000000001;
    std::memcpy(&nan, &kBits, 8);
    return nan;
  }
  std::optional<double> v;
  if (rest.size() > 2 && rest[0] == '0' && (rest[1] | 0x20) == 'x') {
    // A Go hex float must have an exponent.
    if (rest.find_first_of("pP") == std::string_view::npos) return std::nullopt;
    v = ParseMagnitude(p, end, true);
  } else {
    const char c = rest[0];
    if (!((c >= '0' && c <= '9') || c == '.')) return std::nullopt;
    v = ParseMagnitude(p, end, false);
  }
  if (v && negative) v = -*v;
  return v;
}

std::string Quote(std::string_view text) {
  std::string out = "\"";
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    std::uint32_t rune = 0;
    int length = 1;
    if (DecodeRune(p, end, rune, length)) {
      AppendQuotedRune(out, rune, {p, static_cast<std::size_t>(length)});
    } else {
      out += "\\x";
      AppendHex(out, static_cast<unsigned char>(*p), 2);
    }
    p += length;
  }
  out += '"';
  return out;
}

std::string FormatTime(std::int64_t ns) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  std::int64_t seconds = ns / kNsPerSecond;
  std::int64_t fraction = ns % kNsPerSecond;
  if (fraction < 0) {
    fraction += kNsPerSecond;
    --seconds;
  }
  std::tm tm{};
  const auto time = static_cast<std::time_t>(seconds);
  gmtime_r(&time, &tm);
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", tm.tm_year + 1900,
                                tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
  if (fraction != 0) {
    out += fmt::format(".{:09}", fraction);
    while (out.back() == '0') out.pop_back();
  }
  return out + 'Z';
}

}  // namespace narthex::go
