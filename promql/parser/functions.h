// SPDX-License-Identifier: Apache-2.0
//
// The functions of PromQL and their signatures.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "narthex/promql/ast.h"

namespace narthex::promql {

/// In the order of their names; what the engine switches on.
enum class FunctionId : std::uint8_t {
  kAbs,
  kAbsent,
  kAbsentOverTime,
  kAcos,
  kAcosh,
  kAsin,
  kAsinh,
  kAtan,
  kAtanh,
  kAvgOverTime,
  kCeil,
  kChanges,
  kClamp,
  kClampMax,
  kClampMin,
  kCos,
  kCosh,
  kCountOverTime,
  kDayOfMonth,
  kDayOfWeek,
  kDayOfYear,
  kDaysInMonth,
  kDeg,
  kDelta,
  kDeriv,
  kDoubleExponentialSmoothing,
  kEnd,
  kExp,
  kFirstOverTime,
  kFloor,
  kHistogramAvg,
  kHistogramCount,
  kHistogramFraction,
  kHistogramQuantile,
  kHistogramQuantiles,
  kHistogramStddev,
  kHistogramStdvar,
  kHistogramSum,
  kHour,
  kIdelta,
  kIncrease,
  kInfo,
  kIrate,
  kLabelJoin,
  kLabelReplace,
  kLastOverTime,
  kLn,
  kLog10,
  kLog2,
  kMadOverTime,
  kMaxOf,
  kMaxOverTime,
  kMinOf,
  kMinOverTime,
  kMinute,
  kMonth,
  kPi,
  kPredictLinear,
  kPresentOverTime,
  kQuantileOverTime,
  kRad,
  kRange,
  kRate,
  kResets,
  kRound,
  kScalar,
  kSgn,
  kSin,
  kSinh,
  kSort,
  kSortByLabel,
  kSortByLabelDesc,
  kSortDesc,
  kSqrt,
  kStart,
  kStartTimestamp,
  kStddevOverTime,
  kStdvarOverTime,
  kStep,
  kSumOverTime,
  kTan,
  kTanh,
  kTime,
  kTimestamp,
  kTsOfFirstOverTime,
  kTsOfLastOverTime,
  kTsOfMaxOverTime,
  kTsOfMinOverTime,
  kVector,
  kYear,
};

struct Function {
  static constexpr std::size_t kMaxArgTypes = 5;

  FunctionId id;
  std::string_view name;
  /// Types of the arguments; further ones have the last type.
  std::array<ValueType, kMaxArgTypes> arg_types;
  std::uint8_t num_arg_types;
  /// 0: exactly num_arg_types arguments. n > 0: from num_arg_types - 1 to n more than that.
  /// -1: at least num_arg_types - 1.
  std::int8_t variadic;
  ValueType return_type;
  bool experimental;

  std::span<const ValueType> args() const { return {arg_types.data(), num_arg_types}; }
};

/// All functions, sorted by name.
std::span<const Function> AllFunctions();

/// Null when there is none. Names are case-sensitive.
const Function* FindFunction(std::string_view name);

}  // namespace narthex::promql
