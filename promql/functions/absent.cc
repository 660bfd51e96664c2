// SPDX-License-Identifier: Apache-2.0
//
// absent and absent_over_time: 1 where a vector is empty.
#include <algorithm>

#include "promql/functions/functions.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

/// Labels that the missing series would certainly have had: those that one = matcher names.
model::Labels LabelsOfAbsent(const Expr& arg) {
  const Expr& e = Unwrapped(arg);
  const VectorSelector* selector = As<VectorSelector>(e);
  if (const auto* matrix = As<MatrixSelector>(e)) selector = matrix->selector.get();
  if (selector == nullptr) return {};
  model::LabelsBuilder labels;
  std::vector<std::string_view> seen;
  for (const model::Matcher& m : selector->matchers) {
    if (m.name() == model::kMetricName) continue;
    const bool repeated = std::find(seen.begin(), seen.end(), m.name()) != seen.end();
    if (m.type() == model::MatchType::kEqual && !repeated) {
      labels.Set(m.name(), m.value());
      seen.push_back(m.name());
    } else {
      labels.Delete(m.name());
    }
  }
  return labels.Build();
}

/// One row of ones at the steps where no row of `child` has a sample.
Result<OperatorPtr> Complement(Operator& child, const Expr& arg, const Grid& grid,
                               ExecContext& ctx) {
  std::vector<std::uint64_t> present(PresenceWords(grid.n), 0);
  Batch batch;
  std::int64_t inputs = 0;
  while (true) {
    NX_RETURN_IF_ERROR(child.Next(batch));
    if (batch.rows() == 0) break;
    inputs += batch.PointCount();
    for (std::size_t r = 0; r < batch.rows(); ++r) {
      for (std::size_t w = 0; w < present.size(); ++w) present[w] |= batch.present(r)[w];
    }
  }
  NX_RETURN_IF_ERROR(ctx.TouchSamples(PerStep(inputs, grid.n)));
  return MakeOneRow(LabelsOfAbsent(arg), grid, ctx, [&](RowRef row) {
    for (int s = 0; s < grid.n; ++s) {
      if (((present[s >> 6] >> (s & 63)) & 1) == 0) row.Set(s, 1);
    }
  });
}

}  // namespace

Result<OperatorPtr> BuildAbsent(const Call& call, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(const OperatorPtr child, Build(*call.args[0], grid, ctx));
  return Complement(*child, *call.args[0], grid, ctx);
}

Result<OperatorPtr> BuildAbsentOverTime(const Call& call, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(const OperatorPtr child, BuildRangeCall(call, grid, ctx));
  return Complement(*child, *call.args[0], grid, ctx);
}

}  // namespace narthex::promql
