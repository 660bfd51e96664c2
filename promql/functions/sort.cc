// SPDX-License-Identifier: Apache-2.0
//
// sort, sort_desc and sort_by_label: they order the rows of an instant query.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "promql/functions/functions.h"
#include "promql/functions/go_sort.h"
#include "promql/functions/natural_order.h"

namespace narthex::promql {
namespace {

bool IsByLabel(FunctionId id) {
  return id == FunctionId::kSortByLabel || id == FunctionId::kSortByLabelDesc;
}

void SortByValue(Batch& rows, std::vector<std::uint32_t>& order, bool descending) {
  GoSort(order, [&](std::uint32_t a, std::uint32_t b) {
    const double va = rows.values(a)[0], vb = rows.values(b)[0];
    // NaN comes last in both directions.
    if (std::isnan(vb)) return true;
    return descending ? vb < va : vb > va;
  });
}

void SortByLabels(Batch& rows, std::vector<std::uint32_t>& order,
                  const std::vector<std::string>& names, bool descending) {
  GoSort(order, [&](std::uint32_t ra, std::uint32_t rb) {
    const model::Labels &a = rows.metric(ra), &b = rows.metric(rb);
    for (const std::string& name : names) {
      const std::string_view va = a.Get(name), vb = b.Get(name);
      if (va != vb) return NaturalLess(va, vb) != descending;
    }
    return descending ? b < a : a < b;
  });
}

void DropHistograms(Batch& rows) {
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    RowRef row = rows.row(r);
    if (!row.HasHistograms()) continue;
    for (int s = 0; s < row.n_steps; ++s) {
      if (row.HistogramAt(s) != nullptr) row.Clear(s);
    }
  }
  rows.DropEmptyRows();
}

}  // namespace

Result<OperatorPtr> BuildSort(const Call& call, const Grid& grid, ExecContext& ctx) {
  const FunctionId id = call.function->id;
  NX_ASSIGN_OR_RETURN(const OperatorPtr child, Build(*call.args[0], grid, ctx));
  Holding holding(ctx);
  NX_ASSIGN_OR_RETURN(Batch rows, Collect(*child, grid, holding));
  const std::int64_t inputs = PerStep(rows.PointCount(), grid.n);
  // After the child: of nested sorts the outermost is the one that is named.
  if (grid.n != 1) {
    ctx.annotations.AddWarning(
        "PromQL warning: sort is ineffective for range queries since results are always ordered "
        "by labels",
        call.position);
  }
  if (!IsByLabel(id)) DropHistograms(rows);
  if (grid.n == 1) {
    std::vector<std::uint32_t> order(rows.rows());
    std::iota(order.begin(), order.end(), 0);
    if (IsByLabel(id)) {
      std::vector<std::string> names;
      for (std::size_t i = 1; i < call.args.size(); ++i) {
        names.push_back(As<StringLiteral>(Unwrapped(*call.args[i]))->value);
      }
      SortByLabels(rows, order, names, id == FunctionId::kSortByLabelDesc);
    } else {
      SortByValue(rows, order, id == FunctionId::kSortDesc);
    }
    rows.Reorder(order);
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr op, MakeRowsOperator(std::move(rows), ctx));
  NX_RETURN_IF_ERROR(ctx.TouchSamples(inputs));
  op->unique_without_name = child->unique_without_name;
  return op;
}

}  // namespace narthex::promql
