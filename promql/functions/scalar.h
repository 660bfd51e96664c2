// SPDX-License-Identifier: Apache-2.0
//
// What gives scalars: operators between two numbers, and the functions time, pi, scalar, ….
#pragma once

#include "promql/exec/operator.h"

namespace narthex::promql {

/// One arithmetic or comparison operator on two numbers; comparisons give 0 or 1.
double ScalarBinary(BinaryOp op, double lhs, double rhs);

/// A call whose result is a scalar.
Result<Scalars> EvalScalarCall(const Call& call, const Grid& grid, ExecContext& ctx);

/// math.Min and math.Max of Go: NaN wins, but an infinity in its direction wins over NaN.
double GoMin(double a, double b);
double GoMax(double a, double b);

}  // namespace narthex::promql
