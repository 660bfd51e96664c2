// SPDX-License-Identifier: Apache-2.0
//
// Builds the trace of a query while it is evaluated.
#pragma once

#include "narthex/promql/trace.h"
#include "promql/exec/operator.h"

namespace narthex::promql {

/// CPU time of the calling thread so far.
std::int64_t ThreadCpuNs();

/// While it lives, time and samples are those of a node. Does nothing without a node.
class TraceScope final {
 public:
  TraceScope(ExecContext& ctx, TraceNode* node);
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  ExecContext& ctx_;
  TraceNode* const outer_;
};

/// A node for `expr` below the one at hand; null when nothing is traced, or `expr` is no operator.
TraceNode* AddTraceNode(const Expr& expr, const Grid& grid, ExecContext& ctx);

/// The operator, watched. Without a node the operator itself.
OperatorPtr Traced(OperatorPtr op, TraceNode* node, ExecContext& ctx);

}  // namespace narthex::promql
