// SPDX-License-Identifier: Apache-2.0
//
// and, or, unless: presence bitmaps of matching rows, combined word by word.
#include "promql/exec/aggregate.h"
#include "promql/exec/binary.h"

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
  NX_ASSIGN_OR_RETURN(const OperatorPtr left_op, Build(*expr.lhs, grid, ctx));
  NX_ASSIGN_OR_RETURN(Batch left, Collect(*left_op, grid));
  NX_ASSIGN_OR_RETURN(const OperatorPtr right_op, Build(*expr.rhs, grid, ctx));
  NX_ASSIGN_OR_RETURN(Batch right, Collect(*right_op, grid));
  Holding holding(ctx);
  NX_RETURN_IF_ERROR(holding.AddBytes(left.Bytes() + right.Bytes()));
  Grouping grouping(expr.matching->labels, !expr.matching->on);
  GroupPresence presence(grouping, grid.n);
  if (expr.op == BinaryOp::kOr) {
    presence.Add(left);
    presence.Mask(right, false);
    left.Append(std::move(right));
    NX_RETURN_IF_ERROR(holding.AddSamples(left.SampleCount()));
    return JoinRows(MakeRowsOperator(std::move(left)), grid, ctx);
  }
  presence.Add(right);
  presence.Mask(left, expr.op == BinaryOp::kAnd);
  NX_RETURN_IF_ERROR(holding.AddSamples(left.SampleCount()));
  OperatorPtr op = MakeRowsOperator(std::move(left));
  op->unique_without_name = left_op->unique_without_name;
  return op;
}

}  // namespace narthex::promql
