// SPDX-License-Identifier: Apache-2.0
//
// Syntax tree to text. Source: Prometheus promql/parser String() and Pretty().
#pragma once

#include <string>

#include "narthex/promql/ast.h"

namespace narthex {
class JsonWriter;
}

namespace narthex::promql {

/// The canonical form, on one line. Parses back to an equal tree.
std::string ToString(const Expr& expr);
std::string ToString(const VectorMatching& matching);

/// As ToString, but what is longer than 100 bytes goes over several lines, indented by two spaces
/// a level (what /api/v1/format_query answers).
std::string Pretty(const Expr& expr);

/// The tree as the value of /api/v1/parse_query.
void WriteJson(const Expr& expr, JsonWriter& out);

}  // namespace narthex::promql
