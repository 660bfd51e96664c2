// SPDX-License-Identifier: Apache-2.0
//
// quantile: needs all values of a group at a step.
#include <cmath>

#include "narthex/base/go_format.h"
#include "promql/exec/aggregate.h"
#include "promql/functions/quantile.h"
#include "promql/functions/scalar.h"

namespace narthex::promql {
namespace {

void CheckParameter(const Scalars& q, PositionRange position, ExecContext& ctx) {
  const auto warn = [&](double v) {
    ctx.annotations.AddWarning(
        "PromQL warning: quantile value should be between 0 and 1, got " + go::FormatFloatG(v),
        position);
  };
  double min = std::numeric_limits<double>::max(), max = -min;
  bool any_nan = false;
  for (const double v : q) {
    min = GoMin(min, v);
    max = GoMax(max, v);
    any_nan = any_nan || std::isnan(v);
  }
  if (any_nan) warn(std::numeric_limits<double>::quiet_NaN());
  if (max > 1) warn(max);
  if (min < 0) warn(min);
}

}  // namespace

Result<OperatorPtr> BuildQuantile(const AggregateExpr& expr, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(const Scalars q, EvalScalar(*expr.param, grid, ctx));
  NX_ASSIGN_OR_RETURN(OperatorPtr child, Build(*expr.expr, grid, ctx));
  Holding holding(ctx);
  NX_ASSIGN_OR_RETURN(Batch in, Collect(*child, grid, holding));
  CheckParameter(q, expr.param->position, ctx);
  Grouping grouping(expr);
  std::vector<std::vector<std::uint32_t>> members;
  for (std::size_t r = 0; r < in.rows(); ++r) {
    const std::size_t g = grouping.GroupOf(in.metric(r));
    if (g == members.size()) members.emplace_back();
    members[g].push_back(static_cast<std::uint32_t>(r));
  }
  Batch out(grid.n);
  std::vector<double> values;
  for (std::size_t g = 0; g < members.size(); ++g) {
    NX_RETURN_IF_ERROR(ctx.Check());
    bool drop_name = false;
    for (const std::uint32_t r : members[g]) drop_name = drop_name || in.drop_name(r);
    NX_RETURN_IF_ERROR(AddHeldRow(out, grouping.labels(g), drop_name, holding));
    RowRef row = out.row(out.rows() - 1);
    for (int s = 0; s < grid.n; ++s) {
      values.clear();
      for (const std::uint32_t r : members[g]) {
        const RowRef member = in.row(r);
        if (!member.Has(s)) continue;
        if (member.HistogramAt(s) != nullptr) {
          NoteIgnoredHistogram(expr, expr.expr->position, ctx.annotations);
        } else {
          values.push_back(member.v[s]);
        }
      }
      if (!values.empty()) row.Set(s, QuantileOf(q[s], values));
    }
  }
  out.DropEmptyRows();
  child.reset();  // Its samples are no longer held.
  NX_ASSIGN_OR_RETURN(OperatorPtr op, MakeRowsOperator(std::move(out), ctx));
  op->unique_without_name = grouping.unique_without_name();
  return op;
}

}  // namespace narthex::promql
