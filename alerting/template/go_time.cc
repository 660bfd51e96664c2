// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/go_time.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/core.h>

namespace narthex::alerting::tmpl {
namespace {

__extension__ using Wide = __int128;  // Of nanoseconds since year 1 an int64 holds 292 years only.

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kYear1 = -62'135'596'800;  // Its begin as Unix time.
constexpr std::int64_t kDays1970 = 719'468;       // Since 0000-03-01, see ToCivil.

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

std::string ShortMonth(const CivilTime& t) { return MonthName(t.month).substr(0, 3); }
std::string ShortWeekday(const CivilTime& t) { return WeekdayName(t.weekday).substr(0, 3); }
std::string Year(const CivilTime& t) {
  return fmt::format("{}{:04}", t.year < 0 ? "-" : "", t.year < 0 ? -t.year : t.year);
}
int Hour12(const CivilTime& t) { return (t.hour + 11) % 12 + 1; }

/// A piece of a layout and what it stands for.
struct Piece {
  std::string_view layout;
  std::string (*format)(const CivilTime&);
};
constexpr Piece kPieces[] = {
    {"January", [](const CivilTime& t) { return MonthName(t.month); }},
    {"Jan", ShortMonth},
    {"Monday", [](const CivilTime& t) { return WeekdayName(t.weekday); }},
    {"Mon", ShortWeekday},
    {"MST", [](const CivilTime&) { return std::string("UTC"); }},
    {"2006", Year},
    {"_2006", [](const CivilTime& t) { return '_' + Year(t); }},
    {"002", [](const CivilTime& t) { return fmt::format("{:03}", t.year_day); }},
    {"__2", [](const CivilTime& t) { return fmt::format("{:3}", t.year_day); }},
    {"01", [](const CivilTime& t) { return fmt::format("{:02}", t.month); }},
    {"02", [](const CivilTime& t) { return fmt::format("{:02}", t.day); }},
    {"03", [](const CivilTime& t) { return fmt::format("{:02}", Hour12(t)); }},
    {"04", [](const CivilTime& t) { return fmt::format("{:02}", t.minute); }},
    {"05", [](const CivilTime& t) { return fmt::format("{:02}", t.second); }},
    {"06", [](const CivilTime& t) { return Year(t).substr(Year(t).size() - 2); }},
    {"15", [](const CivilTime& t) { return fmt::format("{:02}", t.hour); }},
    {"1", [](const CivilTime& t) { return std::to_string(t.month); }},
    {"2", [](const CivilTime& t) { return std::to_string(t.day); }},
    {"_2", [](const CivilTime& t) { return fmt::format("{:2}", t.day); }},
    {"3", [](const CivilTime& t) { return std::to_string(Hour12(t)); }},
    {"4", [](const CivilTime& t) { return std::to_string(t.minute); }},
    {"5", [](const CivilTime& t) { return std::to_string(t.second); }},
    {"PM", [](const CivilTime& t) { return std::string(t.hour >= 12 ? "PM" : "AM"); }},
    {"pm", [](const CivilTime& t) { return std::string(t.hour >= 12 ? "pm" : "am"); }},
    {"Z07:00:00", [](const CivilTime&) { return std::string("Z"); }},
    {"Z070000", [](const CivilTime&) { return std::string("Z"); }},
    {"Z07:00", [](const CivilTime&) { return std::string("Z"); }},
    {"Z0700", [](const CivilTime&) { return std::string("Z"); }},
    {"Z07", [](const CivilTime&) { return std::string("Z"); }},
    {"-07:00:00", [](const CivilTime&) { return std::string("+00:00:00"); }},
    {"-070000", [](const CivilTime&) { return std::string("+000000"); }},
    {"-07:00", [](const CivilTime&) { return std::string("+00:00"); }},
    {"-0700", [](const CivilTime&) { return std::string("+0000"); }},
    {"-07", [](const CivilTime&) { return std::string("+00"); }},
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// The longest piece that the layout begins with, or null.
const Piece* FindPiece(std::string_view layout) {
  const Piece* found = nullptr;
  for (const Piece& piece : kPieces) {
    if (!layout.starts_with(piece.layout)) continue;
    const char next = layout.size() > piece.layout.size() ? layout[piece.layout.size()] : ' ';
    // "Month" does not begin with "Mon".
    const bool word = piece.layout == "Jan" || piece.layout == "Mon";
    if (word && next >= 'a' && next <= 'z') continue;
    if (found == nullptr || piece.layout.size() > found->layout.size()) found = &piece;
  }
  return found;
}

/// How long the part of a second is that the layout begins with: ".000" or ",999"; 0 = none.
std::size_t FractionSize(std::string_view layout) {
  if (layout.size() < 2 || (layout[0] != '.' && layout[0] != ',')) return 0;
  if (layout[1] != '0' && layout[1] != '9') return 0;
  const std::size_t end = std::min(layout.find_first_not_of(layout[1], 1), layout.size());
  return end < layout.size() && IsDigit(layout[end]) ? 0 : end;
}

/// Nines leave away zeros at the end.
std::string Fraction(const CivilTime& t, std::string_view layout) {
  std::string text = layout[0] + fmt::format("{:09}", t.nanosecond);
  text.resize(layout.size(), '0');
  if (layout[1] == '0') return text;
  while (text.back() == '0') text.pop_back();
  return text.size() > 1 ? text : "";
}

std::int64_t FloorDiv(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

go::UnixTime FromWide(Wide ns) {
  Wide seconds = ns / kNsPerSecond;
  Wide rest = ns % kNsPerSecond;
  if (rest < 0) {
    rest += kNsPerSecond;
    --seconds;
  }
  return {static_cast<std::int64_t>(seconds), static_cast<std::int64_t>(rest)};
}
Wide ToWide(const go::UnixTime& time) {
  return Wide(time.seconds) * kNsPerSecond + time.nanoseconds;
}

std::int64_t Clamped(Wide ns) {
  using Limits = std::numeric_limits<std::int64_t>;
  return static_cast<std::int64_t>(std::clamp<Wide>(ns, Limits::min(), Limits::max()));
}

/// Days since 1970 of a date whose day may be any number.
std::int64_t DaysOf(std::int64_t year, std::int64_t month, std::int64_t day) {
  const std::int64_t y = month <= 2 ? year - 1 : year;
  const std::int64_t era = FloorDiv(y, 400);
  const std::int64_t yoe = y - era * 400;
  const std::int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146'097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - kDays1970;
}

/// What is over a multiple of the step since year 1.
std::int64_t Rest(const go::UnixTime& time, std::int64_t step_ns) {
  const Wide since = ToWide(time) - Wide(kYear1) * kNsPerSecond;
  const Wide rest = since % step_ns;
  return static_cast<std::int64_t>(rest < 0 ? rest + step_ns : rest);
}

}  // namespace

std::string MonthName(std::int64_t month) {
  if (month < 1 || month > 12) return fmt::format("%!Month({})", month);
  return std::string(kMonths[static_cast<std::size_t>(month - 1)]);
}
std::string WeekdayName(std::int64_t weekday) {
  if (weekday < 0 || weekday > 6) return fmt::format("%!Weekday({})", weekday);
  return std::string(kWeekdays[static_cast<std::size_t>(weekday)]);
}

go::UnixTime TimeFromMs(std::int64_t unix_ms) { return FromWide(Wide(unix_ms) * 1'000'000); }

CivilTime ToCivil(const go::UnixTime& time) {
  const std::int64_t days = FloorDiv(time.seconds, kSecondsPerDay);
  const std::int64_t rest = time.seconds - days * kSecondsPerDay;
  // Days since 0000-03-01 in eras of 400 years; see Howard Hinnant's date algorithms.
  const std::int64_t z = days + kDays1970;
  const std::int64_t era = FloorDiv(z, 146'097);
  const std::int64_t doe = z - era * 146'097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const std::int64_t mp = (5 * doy + 2) / 153;
  CivilTime t;
  t.day = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
  t.month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  t.year = yoe + era * 400 + (t.month <= 2 ? 1 : 0);
  t.hour = static_cast<int>(rest / 3600);
  t.minute = static_cast<int>(rest / 60 % 60);
  t.second = static_cast<int>(rest % 60);
  t.nanosecond = static_cast<int>(time.nanoseconds);
  t.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);
  t.year_day = static_cast<int>(days - DaysOf(t.year, 1, 1)) + 1;
  return t;
}

std::string FormatGoTime(const go::UnixTime& time) {
  return FormatGoTime(time, "2006-01-02 15:04:05.999999999 -0700 MST");
}

std::string FormatGoTime(const go::UnixTime& time, std::string_view layout) {
  const CivilTime t = ToCivil(time);
  std::string text;
  while (!layout.empty()) {
    std::size_t size = FractionSize(layout);
    if (size > 0) {
      text += Fraction(t, layout.substr(0, size));
    } else if (const Piece* piece = FindPiece(layout)) {
      text += piece->format(t);
      size = piece->layout.size();
    } else {
      text += layout.front();
      size = 1;
    }
    layout.remove_prefix(size);
  }
  return text;
}

go::UnixTime Plus(const go::UnixTime& time, std::int64_t ns) { return FromWide(ToWide(time) + ns); }

std::int64_t Between(const go::UnixTime& from, const go::UnixTime& to) {
  return Clamped(ToWide(to) - ToWide(from));
}

go::UnixTime PlusDate(const go::UnixTime& time, std::int64_t years, std::int64_t months,
                      std::int64_t days) {
  // Far beyond what can be printed, and far from what an int64 does not hold.
  constexpr std::int64_t kMost = 1'000'000'000;
  const CivilTime t = ToCivil(time);
  const std::int64_t month = t.month - 1 + std::clamp(months, -kMost, kMost);
  const std::int64_t year = t.year + std::clamp(years, -kMost, kMost) + FloorDiv(month, 12);
  const std::int64_t day = t.day + std::clamp(days, -kMost, kMost);
  const std::int64_t since_midnight =
      time.seconds - FloorDiv(time.seconds, kSecondsPerDay) * kSecondsPerDay;
  return {DaysOf(year, month - FloorDiv(month, 12) * 12 + 1, day) * kSecondsPerDay + since_midnight,
          time.nanoseconds};
}

go::UnixTime Truncated(const go::UnixTime& time, std::int64_t step_ns) {
  return step_ns <= 0 ? time : Plus(time, -Rest(time, step_ns));
}

go::UnixTime Rounded(const go::UnixTime& time, std::int64_t step_ns) {
  if (step_ns <= 0) return time;
  const std::int64_t rest = Rest(time, step_ns);
  return Plus(time, rest < step_ns - rest ? -rest : step_ns - rest);
}

std::int64_t UnixIn(const go::UnixTime& time, std::int64_t parts_per_second) {
  const auto seconds =
      static_cast<std::uint64_t>(time.seconds) * static_cast<std::uint64_t>(parts_per_second);
  const auto parts = time.nanoseconds / (kNsPerSecond / parts_per_second);
  return static_cast<std::int64_t>(seconds + static_cast<std::uint64_t>(parts));
}

std::int64_t Truncated(std::int64_t ns, std::int64_t step_ns) {
  return step_ns <= 0 ? ns : ns - ns % step_ns;
}

std::int64_t Rounded(std::int64_t ns, std::int64_t step_ns) {
  if (step_ns <= 0) return ns;
  const std::int64_t rest = ns % step_ns;
  const std::int64_t size = rest < 0 ? -rest : rest;
  if (size < step_ns - size) return ns - rest;
  return Clamped(Wide(ns) - rest + (ns < 0 ? -Wide(step_ns) : Wide(step_ns)));
}

}  // namespace narthex::alerting::tmpl
