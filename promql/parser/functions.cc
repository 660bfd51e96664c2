// SPDX-License-Identifier: Apache-2.0
#include "promql/parser/functions.h"

#include <algorithm>
#include <initializer_list>

namespace narthex::promql {
namespace {

constexpr ValueType S = ValueType::kScalar;
constexpr ValueType V = ValueType::kVector;
constexpr ValueType M = ValueType::kMatrix;
constexpr ValueType Str = ValueType::kString;

constexpr Function Make(FunctionId id, std::string_view name, std::initializer_list<ValueType> args,
                        ValueType return_type, int variadic = 0) {
  Function f{id, name, {}, 0, static_cast<std::int8_t>(variadic), return_type, false};
  for (const ValueType arg : args) f.arg_types[f.num_arg_types++] = arg;
  return f;
}

constexpr Function Experimental(Function f) {
  f.experimental = true;
  return f;
}

using Id = FunctionId;

constexpr std::array kFunctions = {
    Make(Id::kAbs, "abs", {V}, V),
    Make(Id::kAbsent, "absent", {V}, V),
    Make(Id::kAbsentOverTime, "absent_over_time", {M}, V),
    Make(Id::kAcos, "acos", {V}, V),
    Make(Id::kAcosh, "acosh", {V}, V),
    Make(Id::kAsin, "asin", {V}, V),
    Make(Id::kAsinh, "asinh", {V}, V),
    Make(Id::kAtan, "atan", {V}, V),
    Make(Id::kAtanh, "atanh", {V}, V),
    Make(Id::kAvgOverTime, "avg_over_time", {M}, V),
    Make(Id::kCeil, "ceil", {V}, V),
    Make(Id::kChanges, "changes", {M}, V),
    Make(Id::kClamp, "clamp", {V, S, S}, V),
    Make(Id::kClampMax, "clamp_max", {V, S}, V),
    Make(Id::kClampMin, "clamp_min", {V, S}, V),
    Make(Id::kCos, "cos", {V}, V),
    Make(Id::kCosh, "cosh", {V}, V),
    Make(Id::kCountOverTime, "count_over_time", {M}, V),
    Make(Id::kDayOfMonth, "day_of_month", {V}, V, 1),
    Make(Id::kDayOfWeek, "day_of_week", {V}, V, 1),
    Make(Id::kDayOfYear, "day_of_year", {V}, V, 1),
    Make(Id::kDaysInMonth, "days_in_month", {V}, V, 1),
    Make(Id::kDeg, "deg", {V}, V),
    Make(Id::kDelta, "delta", {M}, V),
    Make(Id::kDeriv, "deriv", {M}, V),
    Experimental(
        Make(Id::kDoubleExponentialSmoothing, "double_exponential_smoothing", {M, S, S}, V)),
    Experimental(Make(Id::kEnd, "end", {}, S)),
    Make(Id::kExp, "exp", {V}, V),
    Make(Id::kFirstOverTime, "first_over_time", {M}, V),
    Make(Id::kFloor, "floor", {V}, V),
    Make(Id::kHistogramAvg, "histogram_avg", {V}, V),
    Make(Id::kHistogramCount, "histogram_count", {V}, V),
    Make(Id::kHistogramFraction, "histogram_fraction", {S, S, V}, V),
    Make(Id::kHistogramQuantile, "histogram_quantile", {S, V}, V),
    Experimental(Make(Id::kHistogramQuantiles, "histogram_quantiles", {V, Str, S, S}, V, 9)),
    Make(Id::kHistogramStddev, "histogram_stddev", {V}, V),
    Make(Id::kHistogramStdvar, "histogram_stdvar", {V}, V),
    Make(Id::kHistogramSum, "histogram_sum", {V}, V),
    Make(Id::kHour, "hour", {V}, V, 1),
    Make(Id::kIdelta, "idelta", {M}, V),
    Make(Id::kIncrease, "increase", {M}, V),
    Experimental(Make(Id::kInfo, "info", {V, V}, V, 1)),
    Make(Id::kIrate, "irate", {M}, V),
    Make(Id::kLabelJoin, "label_join", {V, Str, Str, Str}, V, -1),
    Make(Id::kLabelReplace, "label_replace", {V, Str, Str, Str, Str}, V),
    Make(Id::kLastOverTime, "last_over_time", {M}, V),
    Make(Id::kLn, "ln", {V}, V),
    Make(Id::kLog10, "log10", {V}, V),
    Make(Id::kLog2, "log2", {V}, V),
    Experimental(Make(Id::kMadOverTime, "mad_over_time", {M}, V)),
    Experimental(Make(Id::kMaxOf, "max_of", {S, S}, S)),
    Make(Id::kMaxOverTime, "max_over_time", {M}, V),
    Experimental(Make(Id::kMinOf, "min_of", {S, S}, S)),
    Make(Id::kMinOverTime, "min_over_time", {M}, V),
    Make(Id::kMinute, "minute", {V}, V, 1),
    Make(Id::kMonth, "month", {V}, V, 1),
    Make(Id::kPi, "pi", {}, S),
    Make(Id::kPredictLinear, "predict_linear", {M, S}, V),
    Make(Id::kPresentOverTime, "present_over_time", {M}, V),
    Make(Id::kQuantileOverTime, "quantile_over_time", {S, M}, V),
    Make(Id::kRad, "rad", {V}, V),
    Experimental(Make(Id::kRange, "range", {}, S)),
    Make(Id::kRate, "rate", {M}, V),
    Make(Id::kResets, "resets", {M}, V),
    Make(Id::kRound, "round", {V, S}, V, 1),
    Make(Id::kScalar, "scalar", {V}, S),
    Make(Id::kSgn, "sgn", {V}, V),
    Make(Id::kSin, "sin", {V}, V),
    Make(Id::kSinh, "sinh", {V}, V),
    Make(Id::kSort, "sort", {V}, V),
    Experimental(Make(Id::kSortByLabel, "sort_by_label", {V, Str}, V, -1)),
    Experimental(Make(Id::kSortByLabelDesc, "sort_by_label_desc", {V, Str}, V, -1)),
    Make(Id::kSortDesc, "sort_desc", {V}, V),
    Make(Id::kSqrt, "sqrt", {V}, V),
    Experimental(Make(Id::kStart, "start", {}, S)),
    Experimental(Make(Id::kStartTimestamp, "start_timestamp", {V}, V)),
    Make(Id::kStddevOverTime, "stddev_over_time", {M}, V),
    Make(Id::kStdvarOverTime, "stdvar_over_time", {M}, V),
    Experimental(Make(Id::kStep, "step", {}, S)),
    Make(Id::kSumOverTime, "sum_over_time", {M}, V),
    Make(Id::kTan, "tan", {V}, V),
    Make(Id::kTanh, "tanh", {V}, V),
    Make(Id::kTime, "time", {}, S),
    Make(Id::kTimestamp, "timestamp", {V}, V),
    Experimental(Make(Id::kTsOfFirstOverTime, "ts_of_first_over_time", {M}, V)),
    Experimental(Make(Id::kTsOfLastOverTime, "ts_of_last_over_time", {M}, V)),
    Experimental(Make(Id::kTsOfMaxOverTime, "ts_of_max_over_time", {M}, V)),
    Experimental(Make(Id::kTsOfMinOverTime, "ts_of_min_over_time", {M}, V)),
    Make(Id::kVector, "vector", {S}, V),
    Make(Id::kYear, "year", {V}, V, 1),
};

constexpr bool Sorted() {
  for (std::size_t i = 0; i < kFunctions.size(); ++i) {
    if (static_cast<std::size_t>(kFunctions[i].id) != i) return false;
    if (i > 0 && kFunctions[i - 1].name >= kFunctions[i].name) return false;
  }
  return true;
}
static_assert(Sorted(), "the search and FunctionId follow the order of names");

}  // namespace

std::span<const Function> AllFunctions() { return kFunctions; }

const Function* FindFunction(std::string_view name) {
  const auto* it =
      std::lower_bound(kFunctions.begin(), kFunctions.end(), name,
                       [](const Function& f, std::string_view n) { return f.name < n; });
  return it != kFunctions.end() && it->name == name ? it : nullptr;
}

}  // namespace narthex::promql
