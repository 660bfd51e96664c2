// SPDX-License-Identifier: Apache-2.0
//
// Pieces of the canonical form that the one-line, the pretty and the JSON printer share.
#pragma once

#include <string>
#include <string_view>

#include "narthex/promql/ast.h"

namespace narthex::promql {

/// "+", "step", "min_of", …
std::string_view DurationOpName(DurationOp op);
/// "[5m:1m] @ 1.000 offset 1m"
std::string SubquerySuffix(const SubqueryExpr& expr);
/// "sum by (a) ", up to the parenthesis.
std::string AggregatePrefix(const AggregateExpr& expr);
/// "== bool on (a) group_left (b)"
std::string BinaryOperatorText(const BinaryExpr& expr);

/// Seconds of a duration literal as Go converts them (to nanoseconds, then down).
model::DurationMs SecondsToMs(double seconds);

}  // namespace narthex::promql
