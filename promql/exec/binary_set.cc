// SPDX-License-Identifier: Apache-2.0
//
// and, or, unless: presence bitmaps of matching rows, combined word by word.
#include "promql/exec/aggregate.h"
#include "promql/exec/binary.h"
#include "promql/exec/sides.h"

namespace narthex::promql {
namespace {

/// For each match group, at which steps some row of it is present.
class GroupPresence {
 public:
  GroupPresence(Grouping& grouping, int n_steps) : grouping_(grouping), n_steps_(n_steps) {}

  void Add(const Batch& rows) {
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      std::uint64_t* const bits = BitsOf(rows.metric(r));
      for (std::size_t w = 0; w < words(); ++w) bits[w] |= rows.present(r)[w];
    }
  }
  /// Clears the row where its group is present (or, with `invert`, where it is not).
  void Mask(Batch& rows, bool invert) {
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      const std::uint64_t* const bits = BitsOf(rows.metric(r));
      RowRef row = rows.row(r);
      for (std::size_t w = 0; w < words(); ++w) row.present[w] &= invert ? bits[w] : ~bits[w];
      if (!row.HasHistograms()) continue;
      for (int s = 0; s < n_steps_; ++s) {
        if (!row.Has(s)) row.Clear(s);
      }
    }
    rows.DropEmptyRows();
  }

 private:
  std::size_t words() const { return PresenceWords(n_steps_); }
  std::uint64_t* BitsOf(const model::Labels& metric) {
    const std::size_t g = grouping_.GroupOf(metric);
    if ((g + 1) * words() > bits_.size()) bits_.resize((g + 1) * words(), 0);
    return bits_.data() + g * words();
  }

  Grouping& grouping_;
  const int n_steps_;
  std::vector<std::uint64_t> bits_;
};

}  // namespace

Result<OperatorPtr> BuildSet(const BinaryExpr& expr, const Grid& grid, ExecContext& ctx) {
  Holding holding(ctx);
  NX_ASSIGN_OR_RETURN(Sides sides, CollectSides(expr, grid, holding, ctx));
  Batch &left = sides.left, &right = sides.right;
  const std::int64_t inputs = PerStep(left.PointCount() + right.PointCount(), grid.n);
  Grouping grouping(expr.matching->labels, !expr.matching->on);
  GroupPresence presence(grouping, grid.n);
  const bool both = expr.op == BinaryOp::kOr;
  if (both) {
    presence.Add(left);
    presence.Mask(right, false);
    left.Append(std::move(right));
  } else {
    presence.Add(right);
    presence.Mask(left, expr.op == BinaryOp::kAnd);
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr op, MakeRowsOperator(std::move(left), ctx));
  NX_RETURN_IF_ERROR(ctx.TouchSamples(inputs));
  if (both) return JoinRows(std::move(op), grid, ctx);
  op->unique_without_name = sides.left_op->unique_without_name;
  return op;
}

}  // namespace narthex::promql
