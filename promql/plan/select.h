// SPDX-License-Identifier: Apache-2.0
//
// Chooses the series of all selectors before evaluation begins.
#pragma once

#include "promql/exec/context.h"

namespace narthex::promql {

/// One querier sees the same state of the storage for all selectors; equal selectors share their
/// series. Fills ctx.selected. Errors: kExecution "expanding series: …", kCancelled.
Status SelectAll(const Expr& expr, const Grid& grid, storage::Queryable& queryable,
                 ExecContext& ctx);

}  // namespace narthex::promql
