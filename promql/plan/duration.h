// SPDX-License-Identifier: Apache-2.0
//
// Duration expressions: arithmetic inside of [] and after offset.
#pragma once

#include "narthex/base/result.h"
#include "narthex/promql/ast.h"
#include "promql/plan/plan.h"

namespace narthex::promql {

/// @param positive  the result must be above 0 (ranges and steps)
/// Errors: kInvalidArgument "START:END: …" in bytes of the query.
Result<model::DurationMs> EvalDuration(const Expr& expr, const QueryTimes& times, bool positive);

}  // namespace narthex::promql
