// SPDX-License-Identifier: Apache-2.0
#include "promql/plan/duration.h"

#include <cmath>

#include <fmt/core.h>

#include "narthex/base/go_math.h"
#include "promql/functions/scalar.h"

namespace narthex::promql {
namespace {

Error AtPosition(const Expr& expr, const char* message) {
  return Error(Code::kInvalidArgument,
               fmt::format("{}:{}: {}", expr.position.start, expr.position.end, message));
}

/// Seconds.
Result<double> Evaluate(const Expr& expr, const QueryTimes& times) {
  if (const auto* number = As<NumberLiteral>(expr)) return number->value;
  const auto* node = As<DurationExpr>(expr);
  if (node == nullptr) return Fail(Code::kInternal, "unexpected duration expression type");
  double lhs = 0, rhs = 0;
  if (node->lhs != nullptr) {
    NX_ASSIGN_OR_RETURN(lhs, Evaluate(*node->lhs, times));
  }
  if (node->rhs != nullptr) {
    NX_ASSIGN_OR_RETURN(rhs, Evaluate(*node->rhs, times));
  }
  switch (node->op) {
    case DurationOp::kStep:
      return static_cast<double>(times.step) / 1000;
    case DurationOp::kRange:
      return static_cast<double>(times.end - times.start) / 1000;
    case DurationOp::kMin:
      return GoMin(lhs, rhs);
    case DurationOp::kMax:
      return GoMax(lhs, rhs);
    case DurationOp::kAdd:
      return node->lhs == nullptr ? rhs : lhs + rhs;
    case DurationOp::kSub:
      return node->lhs == nullptr ? -rhs : lhs - rhs;
    case DurationOp::kMul:
      return lhs * rhs;
    case DurationOp::kDiv:
      if (rhs == 0) return Fail(AtPosition(expr, "division by zero"));
      return lhs / rhs;
    case DurationOp::kMod:
      if (rhs == 0) return Fail(AtPosition(expr, "modulo by zero"));
      return std::fmod(lhs, rhs);
    case DurationOp::kPow:
      return go::Pow(lhs, rhs);
  }
  return 0.0;
}

}  // namespace

Result<model::DurationMs> EvalDuration(const Expr& expr, const QueryTimes& times, bool positive) {
  NX_ASSIGN_OR_RETURN(const double seconds, Evaluate(expr, times));
  if (!std::isfinite(seconds)) return Fail(AtPosition(expr, "duration is NaN or infinite"));
  if (positive && seconds <= 0) {
    return Fail(AtPosition(expr, "duration must be greater than 0"));
  }
  // As Prometheus, whose durations are nanoseconds in 64 bits.
  if (std::fabs(seconds) > 9223372036.854775807) {
    return Fail(AtPosition(expr, "duration is out of range"));
  }
  return static_cast<model::DurationMs>(seconds * 1000);
}

}  // namespace narthex::promql
