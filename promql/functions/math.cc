// SPDX-License-Identifier: Apache-2.0
//
// Functions of one number: rounding, logarithms, trigonometry, clamp. Histograms are left out.
#include <cmath>
#include <limits>
#include <numbers>

#include "narthex/base/go_math.h"
#include "promql/functions/functions.h"
#include "promql/functions/scalar.h"

namespace narthex::promql {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

template <double (*kFn)(double)>
void Apply(RowRef row) {
  if (!row.HasHistograms()) {
    // Also computes absent steps, which costs less than asking for each. Clearing keeps sanitizers
    // from seeing them uninitialised.
    ForEachPresent(row.present, row.n_steps, [&](int s) { row.v[s] = kFn(row.v[s]); });
    return;
  }
  for (int s = 0; s < row.n_steps; ++s) {
    if (row.HistogramAt(s) != nullptr) {
      row.Clear(s);
    } else if (row.Has(s)) {
      row.v[s] = kFn(row.v[s]);
    }
  }
}

double Abs(double v) { return std::fabs(v); }
double Ceil(double v) { return std::ceil(v); }
double Floor(double v) { return std::floor(v); }
double Sqrt(double v) { return std::sqrt(v); }
double Sgn(double v) { return v < 0 ? -1 : v > 0 ? 1 : v; }
double Deg(double v) { return v * 180 / std::numbers::pi; }
double Rad(double v) { return v * std::numbers::pi / 180; }

using RowFn = void (*)(RowRef);

RowFn UnaryFn(FunctionId id) {
  switch (id) {
    case FunctionId::kAbs:
      return Apply<Abs>;
    case FunctionId::kCeil:
      return Apply<Ceil>;
    case FunctionId::kFloor:
      return Apply<Floor>;
    case FunctionId::kExp:
      return Apply<go::Exp>;
    case FunctionId::kSqrt:
      return Apply<Sqrt>;
    case FunctionId::kLn:
      return Apply<go::Log>;
    case FunctionId::kLog2:
      return Apply<go::Log2>;
    case FunctionId::kLog10:
      return Apply<go::Log10>;
    case FunctionId::kSgn:
      return Apply<Sgn>;
    case FunctionId::kSin:
      return Apply<go::Sin>;
    case FunctionId::kCos:
      return Apply<go::Cos>;
    case FunctionId::kTan:
      return Apply<go::Tan>;
    case FunctionId::kAsin:
      return Apply<go::Asin>;
    case FunctionId::kAcos:
      return Apply<go::Acos>;
    case FunctionId::kAtan:
      return Apply<go::Atan>;
    case FunctionId::kSinh:
      return Apply<go::Sinh>;
    case FunctionId::kCosh:
      return Apply<go::Cosh>;
    case FunctionId::kTanh:
      return Apply<go::Tanh>;
    case FunctionId::kAsinh:
      return Apply<go::Asinh>;
    case FunctionId::kAcosh:
      return Apply<go::Acosh>;
    case FunctionId::kAtanh:
      return Apply<go::Atanh>;
    case FunctionId::kDeg:
      return Apply<Deg>;
    case FunctionId::kRad:
      return Apply<Rad>;
    default:
      return nullptr;
  }
}

/// Applies fn(step, value) to floats; histograms go.
template <typename Fn>
void ApplyAtSteps(RowRef row, Fn&& fn) {
  for (int s = 0; s < row.n_steps; ++s) {
    if (!row.Has(s)) continue;
    if (row.HistogramAt(s) != nullptr) {
      row.Clear(s);
    } else {
      row.v[s] = fn(s, row.v[s]);
    }
  }
}

/// A bound without numbers is infinite.
std::function<void(RowRef)> Clamp(Scalars min, Scalars max) {
  return [min = std::move(min), max = std::move(max)](RowRef row) {
    const auto min_at = [&](int s) { return min.empty() ? -kInf : min[s]; };
    const auto max_at = [&](int s) { return max.empty() ? kInf : max[s]; };
    ApplyAtSteps(row, [&](int s, double v) { return GoMax(min_at(s), GoMin(max_at(s), v)); });
    for (int s = 0; s < row.n_steps; ++s) {
      if (max_at(s) < min_at(s)) row.Clear(s);
    }
  };
}

std::function<void(RowRef)> Round(Scalars to_nearest) {
  return [to_nearest = std::move(to_nearest)](RowRef row) {
    ApplyAtSteps(row, [&](int s, double v) {
      // Inverted, which loses less precision.
      const double inverse = to_nearest.empty() ? 1.0 : 1.0 / to_nearest[s];
      return std::floor(v * inverse + 0.5) / inverse;
    });
  };
}

}  // namespace

Result<OperatorPtr> BuildMath(const Call& call, const Grid& grid, ExecContext& ctx) {
  const FunctionId id = call.function->id;
  std::function<void(RowRef)> fn = UnaryFn(id);
  // Prometheus evaluates arguments from left to right.
  NX_ASSIGN_OR_RETURN(OperatorPtr child, Build(*call.args[0], grid, ctx));
  std::vector<Scalars> scalars;
  for (std::size_t i = 1; i < call.args.size(); ++i) {
    NX_ASSIGN_OR_RETURN(Scalars values, EvalScalar(*call.args[i], grid, ctx));
    scalars.push_back(std::move(values));
  }
  if (id == FunctionId::kClamp) {
    fn = Clamp(std::move(scalars[0]), std::move(scalars[1]));
  } else if (id == FunctionId::kClampMin) {
    fn = Clamp(std::move(scalars[0]), Scalars());
  } else if (id == FunctionId::kClampMax) {
    fn = Clamp(Scalars(), std::move(scalars[0]));
  } else if (id == FunctionId::kRound) {
    fn = Round(scalars.empty() ? Scalars() : std::move(scalars[0]));
  }
  if (!fn) {
    return Fail(Code::kInternal,
                "unexpected error: unknown function " + std::string(call.function->name));
  }
  const MapCost cost{.num_scalars = static_cast<int>(call.args.size()) - 1};
  return MapRows(std::move(child), std::move(fn), true, cost, grid, ctx);
}

}  // namespace narthex::promql
