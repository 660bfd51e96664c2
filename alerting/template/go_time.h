// SPDX-License-Identifier: Apache-2.0
//
// Times and durations as Go's time package prints and reckons them, always UTC.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/go_format.h"

namespace narthex::alerting::tmpl {

struct CivilTime {
  std::int64_t year = 0;
  int month = 0, day = 0;  // From 1.
  int hour = 0, minute = 0, second = 0;
  int nanosecond = 0;
  int weekday = 0;   // 0 = Sunday.
  int year_day = 0;  // From 1.
};
CivilTime ToCivil(const go::UnixTime& time);

go::UnixTime TimeFromMs(std::int64_t unix_ms);

/// time.Time.String(): "2023-11-14 22:13:20.5 +0000 UTC".
std::string FormatGoTime(const go::UnixTime& time);

/// time.Time.Format(layout), with the reference time "Mon Jan 2 15:04:05 -0700 MST 2006".
std::string FormatGoTime(const go::UnixTime& time, std::string_view layout);

/// "January", "Sunday"; "%!Month(13)" when there is none.
std::string MonthName(std::int64_t month);
std::string WeekdayName(std::int64_t weekday);

/// Durations are nanoseconds here. What leaves the range of a duration ends at its limit.
go::UnixTime Plus(const go::UnixTime& time, std::int64_t ns);
std::int64_t Between(const go::UnixTime& from, const go::UnixTime& to);
/// time.Time.AddDate: months and days beyond their ends go on into the next.
go::UnixTime PlusDate(const go::UnixTime& time, std::int64_t years, std::int64_t months,
                      std::int64_t days);
/// To a multiple of `step_ns` since the beginning of year 1; as it is unless that is positive.
go::UnixTime Truncated(const go::UnixTime& time, std::int64_t step_ns);
go::UnixTime Rounded(const go::UnixTime& time, std::int64_t step_ns);
/// Unix time in parts of a second, which wraps around as Go's int64 does.
std::int64_t UnixIn(const go::UnixTime& time, std::int64_t parts_per_second);

/// time.Duration's Truncate and Round: to a multiple of `step_ns`, halves away from zero.
std::int64_t Truncated(std::int64_t ns, std::int64_t step_ns);
std::int64_t Rounded(std::int64_t ns, std::int64_t step_ns);

}  // namespace narthex::alerting::tmpl
