// SPDX-License-Identifier: Apache-2.0
//
// Prepares a parsed expression for evaluation: what is constant over a query is computed, parts
// that do not change from step to step are marked, and every selector learns its time range.
#pragma once

#include <vector>

#include "narthex/base/result.h"
#include "narthex/promql/ast.h"
#include "narthex/storage/querier.h"
#include "promql/exec/batch.h"

namespace narthex::promql {

/// The times of the whole query; step 0 for an instant query.
struct QueryTimes {
  model::TimestampMs start = 0;
  model::TimestampMs end = 0;
  model::DurationMs step = 0;
};

/// Resolves duration expressions, @ start(), @ end() and the functions start(), end(), step() and
/// range(), and marks step-invariant parts.
/// @return whether the expression has become another one than it would with other times
/// Errors: kInvalidArgument for impossible durations.
Result<bool> Prepare(ExprPtr& expr, const QueryTimes& times);

/// What one selector of the query has to read.
struct SelectorUse {
  const VectorSelector* selector = nullptr;
  storage::SelectHints hints;
  /// What is above it only asks for count and sum of histograms.
  bool histogram_stats = false;
};

struct PlanOptions {
  model::DurationMs lookback_ms = 0;
  model::DurationMs default_subquery_step_ms = 0;
};

/// All selectors in the order of evaluation, with the samples that their windows can touch.
std::vector<SelectorUse> SelectorUses(const Expr& expr, const Grid& grid,
                                      const PlanOptions& options);

/// The evaluation times inside of a subquery: multiples of its step, from just after the start of
/// the first outer window to the end of the last.
Grid SubqueryGrid(const SubqueryExpr& subquery, const Grid& outer, const PlanOptions& options);

}  // namespace narthex::promql
