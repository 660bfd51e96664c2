// SPDX-License-Identifier: Apache-2.0
//
// Which parts of a query are the same.
#pragma once

#include "narthex/promql/ast.h"

namespace narthex::promql {

/// Whether two prepared expressions give the same value at the same times.
bool SameExpr(const Expr& a, const Expr& b);

/// Whether all parts of two equal expressions stand at the same distances from their starts.
bool SameLayout(const Expr& a, const Expr& b);

/// Whether `whole` is the same as `part`, or has it among its parts, those of subqueries left out.
bool ContainsExpr(const Expr& whole, const Expr& part);

}  // namespace narthex::promql
