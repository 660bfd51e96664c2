// SPDX-License-Identifier: Apache-2.0
#include "promql/functions/scalar.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "narthex/base/go_math.h"
#include "promql/parser/functions.h"

namespace narthex::promql {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The value of the only float row at each step, else NaN.
Result<Scalars> ScalarOf(const Expr& arg, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(const OperatorPtr op, Build(arg, grid, ctx));
  Batch batch;
  NX_RETURN_IF_ERROR(op->Next(batch));
  NX_ASSIGN_OR_RETURN(Scalars values, Scalars::Make(grid.n, kNan, ctx));
  std::vector<std::uint8_t> seen(values.size(), 0);
  std::int64_t inputs = 0;
  while (batch.rows() != 0) {
    inputs += batch.PointCount();
    for (std::size_t r = 0; r < batch.rows(); ++r) {
      const RowRef row = batch.row(r);
      ForEachPresent(row.present, grid.n, [&](int s) {
        if (row.HistogramAt(s) != nullptr) return;
        values[s] = seen[s] ? kNan : row.v[s];
        seen[s] = 1;
      });
    }
    NX_RETURN_IF_ERROR(op->Next(batch));
  }
  NX_RETURN_IF_ERROR(ctx.TouchSamples(PerStep(inputs, grid.n)));
  return values;
}

}  // namespace

double GoMin(double a, double b) {
  if (a == -kInf || b == -kInf) return -kInf;
  if (std::isnan(a) || std::isnan(b)) return kNan;
  if (a == 0 && a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

double GoMax(double a, double b) {
  if (a == kInf || b == kInf) return kInf;
  if (std::isnan(a) || std::isnan(b)) return kNan;
  if (a == 0 && a == b) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

double ScalarBinary(BinaryOp op, double lhs, double rhs) {
  switch (op) {
    case BinaryOp::kAdd:
      return lhs + rhs;
    case BinaryOp::kSub:
      return lhs - rhs;
    case BinaryOp::kMul:
      return lhs * rhs;
    case BinaryOp::kDiv:
      return lhs / rhs;
    case BinaryOp::kMod:
      return std::fmod(lhs, rhs);
    case BinaryOp::kPow:
      return go::Pow(lhs, rhs);
    case BinaryOp::kAtan2:
      return go::Atan2(lhs, rhs);
    case BinaryOp::kEq:
      return lhs == rhs;
    case BinaryOp::kNe:
      return lhs != rhs;
    case BinaryOp::kGt:
      return lhs > rhs;
    case BinaryOp::kLt:
      return lhs < rhs;
    case BinaryOp::kGe:
      return lhs >= rhs;
    case BinaryOp::kLe:
      return lhs <= rhs;
    case BinaryOp::kTrimUpper:
    case BinaryOp::kTrimLower:
    case BinaryOp::kAnd:
    case BinaryOp::kOr:
    case BinaryOp::kUnless:
      break;
  }
  return kNan;
}

Result<Scalars> EvalScalarCall(const Call& call, const Grid& grid, ExecContext& ctx) {
  const FunctionId id = call.function->id;
  const auto n = static_cast<std::size_t>(grid.n);
  if (id == FunctionId::kPi) return Scalars::Make(grid.n, std::numbers::pi, ctx);
  if (id == FunctionId::kTime) {
    NX_ASSIGN_OR_RETURN(Scalars values, Scalars::Make(grid.n, 0, ctx));
    for (int s = 0; s < grid.n; ++s) values[s] = static_cast<double>(grid.At(s)) / 1000;
    return values;
  }
  if (id == FunctionId::kScalar) return ScalarOf(*call.args[0], grid, ctx);
  if (id == FunctionId::kMaxOf || id == FunctionId::kMinOf) {
    NX_ASSIGN_OR_RETURN(const Scalars a, EvalScalar(*call.args[0], grid, ctx));
    NX_ASSIGN_OR_RETURN(const Scalars b, EvalScalar(*call.args[1], grid, ctx));
    NX_ASSIGN_OR_RETURN(Scalars out, Scalars::Make(grid.n, kNan, ctx));
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = id == FunctionId::kMaxOf ? GoMax(a[i], b[i]) : GoMin(a[i], b[i]);
    }
    return out;
  }
  return Fail(Code::kInternal,
              "unexpected error: unknown scalar function " + std::string(call.function->name));
}

}  // namespace narthex::promql
