// SPDX-License-Identifier: Apache-2.0
//
// count_values: one row per group and value, named by a label.
#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "promql/exec/aggregate.h"

namespace narthex::promql {

Result<OperatorPtr> BuildCountValues(const AggregateExpr& expr, const Grid& grid,
                                     ExecContext& ctx) {
  const std::string& label = As<StringLiteral>(Unwrapped(*expr.param))->value;
  if (label.empty() || !model::IsValidUtf8(label)) {
    return Fail(Code::kExecution, "invalid label name " + go::Quote(label));
  }
  std::vector<std::string> names = expr.grouping;
  if (!expr.without) names.push_back(label);
  Grouping grouping(std::move(names), expr.without);

  NX_ASSIGN_OR_RETURN(Batch in, BuildAndCollect(*expr.expr, grid, ctx));
  Batch out(grid.n);
  model::LabelsBuilder builder;
  std::string text;
  for (int s = 0; s < grid.n; ++s) {
    NX_RETURN_IF_ERROR(ctx.Check());
    for (std::size_t r = 0; r < in.rows(); ++r) {
      const RowRef row = in.row(r);
      if (!row.Has(s)) continue;
      const model::FloatHistogram* h = row.HistogramAt(s);
      text.clear();
      if (h != nullptr) {
        text = model::ToString(*h);
      } else {
        go::AppendFloatF(text, row.v[s]);
      }
      builder.Reset(in.metric(r));
      builder.Set(label, text);
      const std::size_t g = grouping.GroupOf(builder.Build());
      if (g == out.rows()) out.AddRow(grouping.labels(g));
      RowRef to = out.row(g);
      to.Set(s, to.Has(s) ? to.v[s] + 1 : 1);
    }
  }
  Holding holding(ctx);
  NX_RETURN_IF_ERROR(holding.AddSamples(out.SampleCount()));
  OperatorPtr op = MakeRowsOperator(std::move(out));
  op->unique_without_name = grouping.unique_without_name();
  return op;
}

}  // namespace narthex::promql
