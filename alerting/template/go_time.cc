// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/go_time.h"

#include <array>
#include <chrono>
#include <functional>
#include <utility>

#include <fmt/core.h>

namespace narthex::alerting::tmpl {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

std::string WithFraction(const CivilTime& t, std::string text) {
  if (t.milli != 0) {
    text += fmt::format(".{:03}", t.milli);
    while (text.back() == '0') text.pop_back();
  }
  return text;
}

/// A piece of a layout and what it stands for. Longer pieces come before their beginnings.
using Piece = std::pair<std::string_view, std::string (*)(const CivilTime&)>;
const Piece kPieces[] = {
    {"January", [](const CivilTime& t) { return std::string(MonthName(t.month)); }},
    {"Jan", [](const CivilTime& t) { return std::string(MonthName(t.month).substr(0, 3)); }},
    {"Monday", [](const CivilTime& t) { return std::string(WeekdayName(t.weekday)); }},
    {"Mon", [](const CivilTime& t) { return std::string(WeekdayName(t.weekday).substr(0, 3)); }},
    {"MST", [](const CivilTime&) { return std::string("UTC"); }},
    {"2006", [](const CivilTime& t) { return fmt::format("{:04}", t.year); }},
    {"002", [](const CivilTime& t) { return fmt::format("{:03}", t.year_day); }},
    {"01", [](const CivilTime& t) { return fmt::format("{:02}", t.month); }},
    {"02", [](const CivilTime& t) { return fmt::format("{:02}", t.day); }},
    {"03", [](const CivilTime& t) { return fmt::format("{:02}", (t.hour + 11) % 12 + 1); }},
    {"04", [](const CivilTime& t) { return fmt::format("{:02}", t.minute); }},
    {"05", [](const CivilTime& t) { return fmt::format("{:02}", t.second); }},
    {"06", [](const CivilTime& t) { return fmt::format("{:02}", t.year % 100); }},
    {"15", [](const CivilTime& t) { return fmt::format("{:02}", t.hour); }},
    {"1", [](const CivilTime& t) { return std::to_string(t.month); }},
    {"2", [](const CivilTime& t) { return std::to_string(t.day); }},
    {"_2", [](const CivilTime& t) { return fmt::format("{:2}", t.day); }},
    {"3", [](const CivilTime& t) { return std::to_string((t.hour + 11) % 12 + 1); }},
    {"4", [](const CivilTime& t) { return std::to_string(t.minute); }},
    {"5", [](const CivilTime& t) { return std::to_string(t.second); }},
    {"PM", [](const CivilTime& t) { return std::string(t.hour >= 12 ? "PM" : "AM"); }},
    {"pm", [](const CivilTime& t) { return std::string(t.hour >= 12 ? "pm" : "am"); }},
    {"Z07:00", [](const CivilTime&) { return std::string("Z"); }},
    {"Z0700", [](const CivilTime&) { return std::string("Z"); }},
    {"-07:00", [](const CivilTime&) { return std::string("+00:00"); }},
    {"-0700", [](const CivilTime&) { return std::string("+0000"); }},
    {"-07", [](const CivilTime&) { return std::string("+00"); }},
    {".000000", [](const CivilTime& t) { return fmt::format(".{:03}000", t.milli); }},
    {".000", [](const CivilTime& t) { return fmt::format(".{:03}", t.milli); }},
    {".999999999", [](const CivilTime& t) { return WithFraction(t, ""); }},
    {".999", [](const CivilTime& t) { return WithFraction(t, ""); }},
};

}  // namespace

std::string_view MonthName(int month) { return kMonths[static_cast<std::size_t>(month - 1)]; }
std::string_view WeekdayName(int weekday) { return kWeekdays[static_cast<std::size_t>(weekday)]; }

CivilTime ToCivil(std::int64_t unix_ms) {
  constexpr std::int64_t kDayMs = 86'400'000;
  std::int64_t days = unix_ms / kDayMs;
  std::int64_t rest = unix_ms % kDayMs;
  if (rest < 0) {
    rest += kDayMs;
    --days;
  }
  // Days since 0000-03-01 in eras of 400 years; see Howard Hinnant's date algorithms.
  const std::int64_t z = days + 719'468;
  const std::int64_t era = (z >= 0 ? z : z - 146'096) / 146'097;
  const std::int64_t doe = z - era * 146'097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const std::int64_t mp = (5 * doy + 2) / 153;
  CivilTime t;
  t.day = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
  t.month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  t.year = yoe + era * 400 + (t.month <= 2 ? 1 : 0);
  t.hour = static_cast<int>(rest / 3'600'000);
  t.minute = static_cast<int>(rest / 60'000 % 60);
  t.second = static_cast<int>(rest / 1000 % 60);
  t.milli = static_cast<int>(rest % 1000);
  t.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);
  const bool leap = (t.year % 4 == 0 && t.year % 100 != 0) || t.year % 400 == 0;
  constexpr std::array<int, 12> kBefore = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  t.year_day = kBefore[static_cast<std::size_t>(t.month - 1)] + t.day + (leap && t.month > 2);
  return t;
}

std::string FormatGoTime(std::int64_t unix_ms) {
  const CivilTime t = ToCivil(unix_ms);
  return WithFraction(t, fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.year, t.month, t.day,
                                     t.hour, t.minute, t.second)) +
         " +0000 UTC";
}

std::string FormatGoTime(std::int64_t unix_ms, std::string_view layout) {
  const CivilTime t = ToCivil(unix_ms);
  std::string text;
  while (!layout.empty()) {
    const Piece* found = nullptr;
    for (const Piece& piece : kPieces) {
      if (layout.starts_with(piece.first) &&
          (found == nullptr || piece.first.size() > found->first.size())) {
        found = &piece;
      }
    }
    if (found != nullptr) {
      text += found->second(t);
      layout.remove_prefix(found->first.size());
    } else {
      text += layout.front();
      layout.remove_prefix(1);
    }
  }
  return text;
}

}  // namespace narthex::alerting::tmpl
