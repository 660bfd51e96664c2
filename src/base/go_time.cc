// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/go_format.h"

namespace narthex::go {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

/// Takes exactly `digits` digits from the front.
bool TakeNumber(std::string_view& text, std::size_t digits, int& value) {
  if (text.size() < digits) return false;
  value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool TakeChar(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

int DaysIn(int year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

/// Days since 1970-01-01 in the Gregorian calendar (H. Hinnant, "chrono-compatible date
/// algorithms").
std::int64_t DaysFromCivil(int year, int month, int day) {
  const int y = month <= 2 ? year - 1 : year;
  const int era = (y >= 0 ? y : y - 399) / 400;
  const int of_era = y - era * 400;
  const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return std::int64_t{era} * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

}  // namespace

std::optional<UnixTime> ParseTime(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!TakeNumber(text, 4, year) || !TakeChar(text, '-') || !TakeNumber(text, 2, month) ||
      !TakeChar(text, '-') || !TakeNumber(text, 2, day) || !TakeChar(text, 'T') ||
      !TakeNumber(text, 2, hour) || !TakeChar(text, ':') || !TakeNumber(text, 2, minute) ||
      !TakeChar(text, ':') || !TakeNumber(text, 2, second)) {
    return {};
  }
  if (month < 1 || month > 12 || day < 1 || day > DaysIn(year, month) || hour > 23 || minute > 59 ||
      second > 59) {
    return {};
  }
  std::int64_t ns = 0;
  if (text.size() > 1 && (text[0] == '.' || text[0] == ',')) {
    text.remove_prefix(1);
    std::int64_t unit = kNsPerSecond / 10;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
      ns += unit * (text[digits] - '0');
      unit /= 10;
    }
    if (digits == 0) return {};
    text.remove_prefix(digits);
  }
  std::int64_t offset_s = 0;
  if (!TakeChar(text, 'Z')) {
    const int sign = text.starts_with('-') ? -1 : 1;
    int zone_hour = 0, zone_minute = 0;
    if (!TakeChar(text, '+') && !TakeChar(text, '-')) return {};
    if (!TakeNumber(text, 2, zone_hour) || !TakeChar(text, ':') ||
        !TakeNumber(text, 2, zone_minute) || zone_hour > 24 || zone_minute > 60) {
      return {};
    }
    offset_s = sign * (zone_hour * 3600 + zone_minute * 60);
  }
  if (!text.empty()) return {};
  const std::int64_t seconds =
      DaysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_s;
  return UnixTime{seconds, ns};
}

}  // namespace narthex::go
