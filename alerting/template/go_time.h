// SPDX-License-Identifier: Apache-2.0
//
// Times as Go's time package prints them, always UTC.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::alerting::tmpl {

struct CivilTime {
  std::int64_t year = 0;
  int month = 0, day = 0;  // From 1.
  int hour = 0, minute = 0, second = 0, milli = 0;
  int weekday = 0;   // 0 = Sunday.
  int year_day = 0;  // From 1.
};
CivilTime ToCivil(std::int64_t unix_ms);

/// time.Time.String(): "2023-11-14 22:13:20.5 +0000 UTC".
std::string FormatGoTime(std::int64_t unix_ms);

/// time.Time.Format(layout), with the reference time "Mon Jan 2 15:04:05 -0700 MST 2006".
std::string FormatGoTime(std::int64_t unix_ms, std::string_view layout);

std::string_view MonthName(int month);
std::string_view WeekdayName(int weekday);

}  // namespace narthex::alerting::tmpl
