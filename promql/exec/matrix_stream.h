// SPDX-License-Identifier: Apache-2.0
//
// The second evaluation of a query whose answer is too large to be held.
#pragma once

#include <memory>

#include "narthex/promql/engine.h"
#include "promql/exec/context.h"

namespace narthex::promql {

/// A query and all that evaluating it needs.
struct QueryRun {
  QueryRun(const EngineOptions& engine_options, std::shared_ptr<const Expr> prepared,
           const Grid& steps, const QueryOptions& query_options, ThreadPool* pool, Clock& clock,
           TotalMemory& memory)
      : options(engine_options),
        expr(std::move(prepared)),
        grid(steps),
        ctx(options, query_options, pool, clock, memory) {}

  const EngineOptions options;
  const std::shared_ptr<const Expr> expr;
  const Grid grid;
  ExecContext ctx;
};

/// Evaluates once more, over the series that were selected, as far as each call needs.
/// @param run     evaluated, by Evaluate with a gate that counts at the end
/// @param series  how many it counted
std::unique_ptr<MatrixStream> MakeMatrixStream(std::unique_ptr<QueryRun> run, std::size_t series);

}  // namespace narthex::promql
