// SPDX-License-Identifier: Apache-2.0
//
// Calendar functions (UTC) and timestamp().
#include "narthex/base/go_int.h"
#include "promql/exec/selector.h"
#include "promql/functions/functions.h"

namespace narthex::promql {
namespace {

struct Date {
  std::int64_t year;
  int month, day;  // From 1.
};

/// Days since 1970-01-01 to a civil date, for all 64-bit second counts.
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
Date DateOf(std::int64_t days) {
  days += 719468;  // To 0000-03-01, where the leap day is the last of a year.
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<int>(days - era * 146097);
  const int year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int shifted_month = (5 * day_of_year + 2) / 153;
  const int day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const int month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

bool IsLeap(std::int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

constexpr int kDaysBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

int DaysInMonth(const Date& d) {
  if (d.month == 2 && IsLeap(d.year)) return 29;
  return kDaysBefore[d.month] - kDaysBefore[d.month - 1];
}

double Part(FunctionId id, std::int64_t seconds) {
  // As Go, which counts from a year far back in unsigned arithmetic: what lies before that year
  // wraps around to a date far ahead.
  constexpr std::uint64_t kDaysBack = 106751991073094U;
  const std::uint64_t since = static_cast<std::uint64_t>(seconds) + kDaysBack * 86400;
  const auto days = static_cast<std::int64_t>(since / 86400 - kDaysBack);
  const auto in_day = static_cast<std::int64_t>(since % 86400);
  switch (id) {
    case FunctionId::kMinute:
      return static_cast<double>(in_day / 60 % 60);
    case FunctionId::kHour: {
      const std::int64_t hour = in_day / 3600;
      return static_cast<double>(hour);
    }
    case FunctionId::kDayOfWeek:
      return static_cast<double>(((days + 4) % 7 + 7) % 7);
    default:
      break;
  }
  const Date d = DateOf(days);
  switch (id) {
    case FunctionId::kDayOfMonth:
      return d.day;
    case FunctionId::kDaysInMonth:
      return DaysInMonth(d);
    case FunctionId::kDayOfYear:
      return kDaysBefore[d.month - 1] + d.day + (d.month > 2 && IsLeap(d.year) ? 1 : 0);
    case FunctionId::kMonth:
      return d.month;
    default:
      return static_cast<double>(d.year);
  }
}

}  // namespace

bool IsDateFunction(FunctionId id) {
  switch (id) {
    case FunctionId::kDaysInMonth:
    case FunctionId::kDayOfMonth:
    case FunctionId::kDayOfWeek:
    case FunctionId::kDayOfYear:
    case FunctionId::kHour:
    case FunctionId::kMinute:
    case FunctionId::kMonth:
    case FunctionId::kYear:
      return true;
    default:
      return false;
  }
}

Result<OperatorPtr> BuildDate(const Call& call, const Grid& grid, ExecContext& ctx) {
  const FunctionId id = call.function->id;
  if (call.args.empty()) {
    NX_RETURN_IF_ERROR(ctx.TouchSamples(grid.n));
    return MakeOneRow({}, grid, ctx, [&](RowRef row) {
      for (int s = 0; s < grid.n; ++s) row.Set(s, Part(id, grid.At(s) / 1000));
    });
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr child, Build(*call.args[0], grid, ctx));
  const auto fn = [id](RowRef row) {
    for (int s = 0; s < row.n_steps; ++s) {
      if (row.HistogramAt(s) != nullptr) {
        row.Clear(s);
      } else if (row.Has(s)) {
        row.v[s] = Part(id, go::ToInt64(row.v[s]));
      }
    }
  };
  return MapRows(std::move(child), fn, true, {}, grid, ctx);
}

Result<OperatorPtr> BuildTimestamp(const Call& call, const Grid& grid, ExecContext& ctx) {
  const Expr& arg = Unwrapped(*call.args[0]);
  if (const auto* selector = As<VectorSelector>(arg); selector != nullptr && !selector->smoothed) {
    NX_ASSIGN_OR_RETURN(OperatorPtr child,
                        BuildInstantSelector(*selector, SamplePart::kTime, grid, ctx));
    return MapRows(
        std::move(child), [](RowRef) {}, true, {.new_rows = false}, grid, ctx);
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr child, Build(*call.args[0], grid, ctx));
  const auto fn = [grid](RowRef row) {
    for (int s = 0; s < row.n_steps; ++s) {
      if (!row.Has(s)) continue;
      row.Clear(s);
      row.Set(s, static_cast<double>(grid.At(s)) / 1000);
    }
  };
  return MapRows(std::move(child), fn, true, {}, grid, ctx);
}

Result<OperatorPtr> BuildStartTimestamp(const Call& call, const Grid& grid, ExecContext& ctx) {
  const auto* selector = As<VectorSelector>(Unwrapped(*call.args[0]));
  if (selector != nullptr && !selector->smoothed && ctx.features.use_start_timestamps) {
    NX_ASSIGN_OR_RETURN(OperatorPtr child,
                        BuildInstantSelector(*selector, SamplePart::kStartTime, grid, ctx));
    return MapRows(
        std::move(child), [](RowRef) {}, true, {.new_rows = false}, grid, ctx);
  }
  // What an expression gives has no start times; it is evaluated for its errors and notes.
  NX_ASSIGN_OR_RETURN(OperatorPtr child, Build(*call.args[0], grid, ctx));
  const auto clear = [](RowRef row) {
    for (int s = 0; s < row.n_steps; ++s) {
      if (row.Has(s)) row.Clear(s);
    }
  };
  return MapRows(std::move(child), clear, true, {}, grid, ctx);
}

}  // namespace narthex::promql
