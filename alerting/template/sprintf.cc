// SPDX-License-Identifier: Apache-2.0
//
// Go's fmt.Sprintf for the values of templates. Source: https://pkg.go.dev/fmt

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>

#include "alerting/template/value.h"
#include "narthex/base/go_format.h"

namespace narthex::alerting::tmpl {
namespace {

struct Verb {
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  int width = -1;  // -1 = not given.
  int precision = -1;
  char letter = 0;
};

constexpr int kMaxWidth = 1'000'000;  // As Go: larger ones are not believed.

std::size_t CountRunes(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string Pad(const Verb& verb, std::string text, bool zeros) {
  const std::size_t size = CountRunes(text);
  if (verb.width < 0 || size >= static_cast<std::size_t>(verb.width)) return text;
  const std::size_t fill = static_cast<std::size_t>(verb.width) - size;
  if (verb.minus) return text + std::string(fill, ' ');
  if (!zeros) return std::string(fill, ' ') + text;
  const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  return text.substr(0, sign) + std::string(fill, '0') + text.substr(sign);
}

std::string Sign(const Verb& verb, bool negative) {
  return negative ? "-" : verb.plus ? "+" : verb.space ? " " : "";
}

std::string EncodeRune(std::int64_t rune) {
  const auto c = static_cast<std::uint32_t>(rune < 0 || rune > 0x10FFFF ? 0xFFFD : rune);
  const auto byte = [](std::uint32_t v) { return static_cast<char>(v); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | c >> 6), byte(0x80 | (c & 63))};
  if (c < 0x10000) return {byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63))};
  return {byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 63)), byte(0x80 | (c >> 6 & 63)),
          byte(0x80 | (c & 63))};
}

bool FormatInt(const Verb& verb, std::int64_t v, std::string& out) {
  const std::uint64_t size =
      v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
  std::string digits;
  switch (verb.letter) {
    case 'v':
    case 'd':
      digits = std::to_string(size);
      break;
    case 'x':
      digits = fmt::format("{}{:x}", verb.sharp ? "0x" : "", size);
      break;
    case 'X':
      digits = fmt::format("{}{:X}", verb.sharp ? "0X" : "", size);
      break;
    case 'o':
      digits = fmt::format("{}{:o}", verb.sharp ? "0" : "", size);
      break;
    case 'O':
      digits = fmt::format("0o{:o}", size);
      break;
    case 'b':
      digits = fmt::format("{}{:b}", verb.sharp ? "0b" : "", size);
      break;
    case 'c':
      out = Pad(verb, EncodeRune(v), false);
      return true;
    case 'q':
      out = Pad(verb, '\'' + EncodeRune(v) + '\'', false);
      return true;
    case 'U':
      out = Pad(verb, fmt::format("U+{:04X}", size), false);
      return true;
    default:
      return false;
  }
  if (verb.precision >= 0 && digits.size() < static_cast<std::size_t>(verb.precision)) {
    digits.insert(0, static_cast<std::size_t>(verb.precision) - digits.size(), '0');
  }
  out = Pad(verb, Sign(verb, v < 0) + digits, verb.zero && verb.precision < 0);
  return true;
}

/// C's conversion with Go's two-digit exponents, which are C's too.
std::string CFormat(char letter, int precision, bool sharp, double v) {
  const std::string format = sharp ? fmt::format("%#.*{}", letter) : fmt::format("%.*{}", letter);
  std::string text(512, '\0');
  // NOLINTNEXTLINE: the format is made above and its arguments fit it.
  const int size = std::snprintf(text.data(), text.size(), format.c_str(), precision, v);
  text.resize(static_cast<std::size_t>(std::clamp(size, 0, 511)));
  return text;
}

bool FormatFloat(const Verb& verb, double v, std::string& out) {
  std::string digits;
  const double size = std::fabs(v);
  const int precision = std::min(verb.precision, 100);
  if (std::isnan(v) || std::isinf(v)) {
    if (std::string_view("vgGeEfF").find(verb.letter) == std::string_view::npos) return false;
    digits = std::isnan(v) ? "NaN" : "Inf";
    Verb plus = verb;
    plus.plus = std::isinf(v);  // +Inf always shows its sign.
    out = Pad(verb, Sign(plus, std::signbit(v) && !std::isnan(v)) + digits, false);
    return true;
  }
  switch (verb.letter) {
    case 'v':
    case 'g':
    case 'G':
      digits = precision < 0 ? go::FormatFloatG(size) : CFormat('g', precision, verb.sharp, size);
      if (verb.letter == 'G') std::replace(digits.begin(), digits.end(), 'e', 'E');
      break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
      digits = CFormat(verb.letter == 'F' ? 'f' : verb.letter, precision < 0 ? 6 : precision,
                       verb.sharp, size);
      break;
    default:
      return false;
  }
  out = Pad(verb, Sign(verb, std::signbit(v)) + digits, verb.zero);
  return true;
}

bool FormatString(const Verb& verb, std::string text, std::string& out) {
  if (verb.precision >= 0) {
    std::size_t end = 0;
    for (int runes = 0; end < text.size() && runes < verb.precision; ++runes) {
      ++end;
      while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
    }
    text.resize(end);
  }
  switch (verb.letter) {
    case 'v':
    case 's':
      break;
    case 'q':
      text = go::Quote(text);
      break;
    case 'x':
    case 'X': {
      std::string hex;
      for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        hex += verb.letter == 'x' ? fmt::format("{:02x}", byte) : fmt::format("{:02X}", byte);
      }
      text = hex;
      break;
    }
    default:
      return false;
  }
  out = Pad(verb, text, verb.zero);
  return true;
}

std::string FormatOne(const Verb& verb, const Value& value) {
  std::string out;
  bool good = false;
  if (verb.letter == 'T') {
    return Pad(verb, value.TypeName(), false);
  }
  if (const auto* i = value.As<std::int64_t>()) {
    good = FormatInt(verb, *i, out);
  } else if (const auto* d = value.As<double>()) {
    good = FormatFloat(verb, *d, out);
  } else if (const auto* s = value.As<std::string>()) {
    good = FormatString(verb, *s, out);
  } else if (const auto* html = value.As<HtmlValue>()) {
    good = FormatString(verb, html->text, out);
  } else if (const auto* b = value.As<bool>()) {
    good = verb.letter == 'v' || verb.letter == 't';
    if (good) out = Pad(verb, *b ? "true" : "false", false);
  } else if (value.IsNil()) {
    if (verb.letter == 'v') return Pad(verb, "<nil>", false);
    return fmt::format("%!{}(<nil>)", verb.letter);
  } else {
    good = verb.letter == 'v' || verb.letter == 's';
    if (good) out = Pad(verb, value.ToString(), false);
  }
  if (good) return out;
  return fmt::format("%!{}({}={})", verb.letter, value.TypeName(), value.ToString());
}

/// Reads one directive after its '%' and consumes arguments.
class Reader {
 public:
  Reader(std::string_view format, const std::vector<Value>& args) : rest_(format), args_(args) {}

  std::string Run() {
    std::string out;
    while (!rest_.empty()) {
      const auto percent = rest_.find('%');
      out += rest_.substr(0, percent);
      if (percent == std::string_view::npos) break;
      rest_.remove_prefix(percent + 1);
      out += Directive();
    }
    if (!reordered_ && next_ < args_.size()) {
      out += "%!(EXTRA ";
      for (std::size_t i = next_; i < args_.size(); ++i) {
        if (i > next_) out += ", ";
        out += args_[i].IsNil() ? "<nil>" : args_[i].TypeName() + '=' + args_[i].ToString();
      }
      out += ')';
    }
    return out;
  }

 private:
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool Number(int& number) {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return false;
    number = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      number = std::min(number * 10 + (rest_.front() - '0'), kMaxWidth + 1);
      rest_.remove_prefix(1);
    }
    if (number > kMaxWidth) number = -1;
    return true;
  }

  /// "[3]" chooses the next argument.
  void ArgumentNumber() {
    if (rest_.empty() || rest_.front() != '[') return;
    const std::string_view before = rest_;
    rest_.remove_prefix(1);
    int number = 0;
    if (!Number(number) || !Take(']') || number < 1 ||
        static_cast<std::size_t>(number) > args_.size()) {
      rest_ = before;
      const auto close = rest_.find(']');
      if (close != std::string_view::npos) rest_.remove_prefix(close + 1);
      bad_index_ = true;
      return;
    }
    next_ = static_cast<std::size_t>(number) - 1;
    reordered_ = true;
  }

  bool WidthOrPrecision(int& number) {
    ArgumentNumber();
    if (!Take('*')) return Number(number);
    const auto* given = next_ < args_.size() ? args_[next_++].As<std::int64_t>() : nullptr;
    number = given != nullptr && std::abs(*given) <= kMaxWidth ? static_cast<int>(*given) : -1;
    return true;
  }

  std::string Directive() {
    Verb verb;
    bad_index_ = false;
    for (bool flag = true; flag;) {
      flag = false;
      flag |= Take('-') && (verb.minus = true);
      flag |= Take('+') && (verb.plus = true);
      flag |= Take('#') && (verb.sharp = true);
      flag |= Take(' ') && (verb.space = true);
      flag |= Take('0') && (verb.zero = true);
    }
    WidthOrPrecision(verb.width);
    if (Take('.') && !WidthOrPrecision(verb.precision)) verb.precision = 0;
    ArgumentNumber();
    if (rest_.empty()) return "%!(NOVERB)";
    verb.letter = rest_.front();
    rest_.remove_prefix(1);
    if (verb.letter == '%') return "%";
    if (bad_index_) return fmt::format("%!{}(BADINDEX)", verb.letter);
    if (next_ >= args_.size()) return fmt::format("%!{}(MISSING)", verb.letter);
    return FormatOne(verb, args_[next_++]);
  }

  std::string_view rest_;
  const std::vector<Value>& args_;
  std::size_t next_ = 0;
  bool reordered_ = false;
  bool bad_index_ = false;
};

}  // namespace

std::string Sprintf(std::string_view format, const std::vector<Value>& args) {
  return Reader(format, args).Run();
}

}  // namespace narthex::alerting::tmpl
