// SPDX-License-Identifier: Apache-2.0
#include "promql/parser/functions.h"

#include <algorithm>
#include <initializer_list>

namespace narthex::promql {
namespace {

constexpr ValueType kS = ValueType::kScalar;
constexpr ValueType kV = ValueType::kVector;
constexpr ValueType kM = ValueType::kMatrix;
constexpr ValueType kStr = ValueType::kString;

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
    Make(Id::kAbs, "abs", {kV}, kV),
    Make(Id::kAbsent, "absent", {kV}, kV),
    Make(Id::kAbsentOverTime, "absent_over_time", {kM}, kV),
    Make(Id::kAcos, "acos", {kV}, kV),
    Make(Id::kAcosh, "acosh", {kV}, kV),
    Make(Id::kAsin, "asin", {kV}, kV),
    Make(Id::kAsinh, "asinh", {kV}, kV),
    Make(Id::kAtan, "atan", {kV}, kV),
    Make(Id::kAtanh, "atanh", {kV}, kV),
    Make(Id::kAvgOverTime, "avg_over_time", {kM}, kV),
    Make(Id::kCeil, "ceil", {kV}, kV),
    Make(Id::kChanges, "changes", {kM}, kV),
    Make(Id::kClamp, "clamp", {kV, kS, kS}, kV),
    Make(Id::kClampMax, "clamp_max", {kV, kS}, kV),
    Make(Id::kClampMin, "clamp_min", {kV, kS}, kV),
    Make(Id::kCos, "cos", {kV}, kV),
    Make(Id::kCosh, "cosh", {kV}, kV),
    Make(Id::kCountOverTime, "count_over_time", {kM}, kV),
    Make(Id::kDayOfMonth, "day_of_month", {kV}, kV, 1),
    Make(Id::kDayOfWeek, "day_of_week", {kV}, kV, 1),
    Make(Id::kDayOfYear, "day_of_year", {kV}, kV, 1),
    Make(Id::kDaysInMonth, "days_in_month", {kV}, kV, 1),
    Make(Id::kDeg, "deg", {kV}, kV),
    Make(Id::kDelta, "delta", {kM}, kV),
    Make(Id::kDeriv, "deriv", {kM}, kV),
    Experimental(
        Make(Id::kDoubleExponentialSmoothing, "double_exponential_smoothing", {kM, kS, kS}, kV)),
    Experimental(Make(Id::kEnd, "end", {}, kS)),
    Make(Id::kExp, "exp", {kV}, kV),
    Make(Id::kFirstOverTime, "first_over_time", {kM}, kV),
    Make(Id::kFloor, "floor", {kV}, kV),
    Make(Id::kHistogramAvg, "histogram_avg", {kV}, kV),
    Make(Id::kHistogramCount, "histogram_count", {kV}, kV),
    Make(Id::kHistogramFraction, "histogram_fraction", {kS, kS, kV}, kV),
    Make(Id::kHistogramQuantile, "histogram_quantile", {kS, kV}, kV),
    Experimental(Make(Id::kHistogramQuantiles, "histogram_quantiles", {kV, kStr, kS, kS}, kV, 9)),
    Make(Id::kHistogramStddev, "histogram_stddev", {kV}, kV),
    Make(Id::kHistogramStdvar, "histogram_stdvar", {kV}, kV),
    Make(Id::kHistogramSum, "histogram_sum", {kV}, kV),
    Make(Id::kHour, "hour", {kV}, kV, 1),
    Make(Id::kIdelta, "idelta", {kM}, kV),
    Make(Id::kIncrease, "increase", {kM}, kV),
    Experimental(Make(Id::kInfo, "info", {kV, kV}, kV, 1)),
    Make(Id::kIrate, "irate", {kM}, kV),
    Make(Id::kLabelJoin, "label_join", {kV, kStr, kStr, kStr}, kV, -1),
    Make(Id::kLabelReplace, "label_replace", {kV, kStr, kStr, kStr, kStr}, kV),
    Make(Id::kLastOverTime, "last_over_time", {kM}, kV),
    Make(Id::kLn, "ln", {kV}, kV),
    Make(Id::kLog10, "log10", {kV}, kV),
    Make(Id::kLog2, "log2", {kV}, kV),
    Experimental(Make(Id::kMadOverTime, "mad_over_time", {kM}, kV)),
    Experimental(Make(Id::kMaxOf, "max_of", {kS, kS}, kS)),
    Make(Id::kMaxOverTime, "max_over_time", {kM}, kV),
    Experimental(Make(Id::kMinOf, "min_of", {kS, kS}, kS)),
    Make(Id::kMinOverTime, "min_over_time", {kM}, kV),
    Make(Id::kMinute, "minute", {kV}, kV, 1),
    Make(Id::kMonth, "month", {kV}, kV, 1),
    Make(Id::kPi, "pi", {}, kS),
    Make(Id::kPredictLinear, "predict_linear", {kM, kS}, kV),
    Make(Id::kPresentOverTime, "present_over_time", {kM}, kV),
    Make(Id::kQuantileOverTime, "quantile_over_time", {kS, kM}, kV),
    Make(Id::kRad, "rad", {kV}, kV),
    Experimental(Make(Id::kRange, "range", {}, kS)),
    Make(Id::kRate, "rate", {kM}, kV),
    Make(Id::kResets, "resets", {kM}, kV),
    Make(Id::kRound, "round", {kV, kS}, kV, 1),
    Make(Id::kScalar, "scalar", {kV}, kS),
    Make(Id::kSgn, "sgn", {kV}, kV),
    Make(Id::kSin, "sin", {kV}, kV),
    Make(Id::kSinh, "sinh", {kV}, kV),
    Make(Id::kSort, "sort", {kV}, kV),
    Experimental(Make(Id::kSortByLabel, "sort_by_label", {kV, kStr}, kV, -1)),
    Experimental(Make(Id::kSortByLabelDesc, "sort_by_label_desc", {kV, kStr}, kV, -1)),
    Make(Id::kSortDesc, "sort_desc", {kV}, kV),
    Make(Id::kSqrt, "sqrt", {kV}, kV),
    Experimental(Make(Id::kStart, "start", {}, kS)),
    Experimental(Make(Id::kStartTimestamp, "start_timestamp", {kV}, kV)),
    Make(Id::kStddevOverTime, "stddev_over_time", {kM}, kV),
    Make(Id::kStdvarOverTime, "stdvar_over_time", {kM}, kV),
    Experimental(Make(Id::kStep, "step", {}, kS)),
    Make(Id::kSumOverTime, "sum_over_time", {kM}, kV),
    Make(Id::kTan, "tan", {kV}, kV),
    Make(Id::kTanh, "tanh", {kV}, kV),
    Make(Id::kTime, "time", {}, kS),
    Make(Id::kTimestamp, "timestamp", {kV}, kV),
    Experimental(Make(Id::kTsOfFirstOverTime, "ts_of_first_over_time", {kM}, kV)),
    Experimental(Make(Id::kTsOfLastOverTime, "ts_of_last_over_time", {kM}, kV)),
    Experimental(Make(Id::kTsOfMaxOverTime, "ts_of_max_over_time", {kM}, kV)),
    Experimental(Make(Id::kTsOfMinOverTime, "ts_of_min_over_time", {kM}, kV)),
    Make(Id::kVector, "vector", {kS}, kV),
    Make(Id::kYear, "year", {kV}, kV, 1),
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
