// SPDX-License-Identifier: Apache-2.0
//
// Which samples each selector can need.
#include <algorithm>

#include "promql/exec/selector.h"
#include "promql/parser/functions.h"
#include "promql/plan/plan.h"

namespace narthex::promql {
namespace {

/// What surrounds a node on the way down.
struct Around {
  Grid grid;
  std::string func;
  std::vector<std::string> grouping;
  bool by = false;
  bool any_order = false;      // All series go into one result, which the order can't change.
  bool asks_stats = false;     // Inside of histogram_count and the like.
  bool needs_buckets = false;  // Inside of what looks at buckets, or needs them to see resets.
};

bool AsksStats(FunctionId id) {
  return id == FunctionId::kHistogramCount || id == FunctionId::kHistogramSum ||
         id == FunctionId::kHistogramAvg;
}

bool LooksAtBuckets(FunctionId id) {
  return id == FunctionId::kHistogramQuantile || id == FunctionId::kHistogramQuantiles ||
         id == FunctionId::kHistogramFraction;
}

// Sums depend on the order of what they add, and the least of -0 and 0 on which comes first.
bool CountsAll(const AggregateExpr& aggregate) {
  return (aggregate.op == AggregateOp::kCount || aggregate.op == AggregateOp::kGroup) &&
         !aggregate.without && aggregate.grouping.empty();
}

// Functions of range vectors look at one series after the other.
bool TakesRange(const Call& call) {
  return std::any_of(call.args.begin(), call.args.end(),
                     [](const ExprPtr& arg) { return arg->type == ValueType::kMatrix; });
}

class Collector {
 public:
  explicit Collector(const PlanOptions& options) : options_(options) {}

  void Visit(const Expr& expr, const Around& around) {
    switch (expr.kind) {
      case ExprKind::kVectorSelector:
        return Add(*As<VectorSelector>(expr), 0, around);
      case ExprKind::kMatrixSelector: {
        const auto& matrix = *As<MatrixSelector>(expr);
        return Add(*matrix.selector, matrix.range_ms, around);
      }
      case ExprKind::kSubquery: {
        const auto& subquery = *As<SubqueryExpr>(expr);
        Around inner = around;
        inner.grid = SubqueryGrid(subquery, around.grid, options_);
        inner.needs_buckets = true;
        return Visit(*subquery.expr, inner);
      }
      case ExprKind::kStepInvariant: {
        Around inner = around;
        inner.grid.n = std::min(inner.grid.n, 1);
        return Visit(*As<StepInvariantExpr>(expr)->expr, inner);
      }
      case ExprKind::kCall: {
        Around inner = around;
        inner.func = std::string(As<Call>(expr)->function->name);
        inner.grouping.clear();
        inner.by = false;
        inner.any_order = around.any_order && TakesRange(*As<Call>(expr));
        const FunctionId id = As<Call>(expr)->function->id;
        inner.asks_stats = inner.asks_stats || AsksStats(id);
        inner.needs_buckets = inner.needs_buckets || LooksAtBuckets(id);
        // The second argument of info() selects labels and not series of its own.
        if (id == FunctionId::kInfo) {
          return Visit(*As<Call>(expr)->args[0], inner);
        }
        return ForEachChild(expr, [&](const Expr& child) { Visit(child, inner); });
      }
      case ExprKind::kAggregate: {
        const auto& aggregate = *As<AggregateExpr>(expr);
        Around inner = around;
        inner.func = std::string(AggregateOpName(aggregate.op));
        inner.grouping = aggregate.grouping;
        inner.by = !aggregate.without;
        inner.any_order = CountsAll(aggregate);
        return ForEachChild(expr, [&](const Expr& child) { Visit(child, inner); });
      }
      case ExprKind::kBinary: {
        // What a function wants of its operands does not reach through an operator.
        Around inner;
        inner.grid = around.grid;
        inner.asks_stats = around.asks_stats;
        const BinaryOp op = As<BinaryExpr>(expr)->op;
        inner.needs_buckets =
            around.needs_buckets || op == BinaryOp::kTrimUpper || op == BinaryOp::kTrimLower;
        return ForEachChild(expr, [&](const Expr& child) { Visit(child, inner); });
      }
      default:
        return ForEachChild(expr, [&](const Expr& child) { Visit(child, around); });
    }
  }

  std::vector<SelectorUse> uses;

 private:
  void Add(const VectorSelector& selector, model::DurationMs range_ms, const Around& around) {
    const EvalTimes times(selector.time);
    SelectorUse use;
    use.selector = &selector;
    // The left end of every window is open.
    const model::DurationMs lookback =
        range_ms == 0 || selector.anchored || selector.smoothed ? options_.lookback_ms : 0;
    use.hints.start_ms = times.At(around.grid.start) - range_ms - lookback + 1;
    use.hints.end_ms = times.At(around.grid.end());
    if (selector.smoothed) use.hints.end_ms += options_.lookback_ms;
    use.hints.step_ms = around.grid.step;
    use.hints.range_ms = range_ms;
    use.hints.func = around.func;
    use.hints.grouping = around.grouping;
    use.hints.by = around.by;
    use.hints.any_order = around.any_order;
    use.histogram_stats = around.asks_stats && !around.needs_buckets;
    uses.push_back(std::move(use));
  }

  const PlanOptions& options_;
};

}  // namespace

Grid SubqueryGrid(const SubqueryExpr& subquery, const Grid& outer, const PlanOptions& options) {
  const EvalTimes times(subquery.time);
  Grid grid;
  grid.step = subquery.step_ms != 0 ? subquery.step_ms : options.default_subquery_step_ms;
  if (outer.n == 0) return grid;
  const model::TimestampMs open_start = times.At(outer.start) - subquery.range_ms;
  const model::TimestampMs end = times.At(outer.end());
  grid.start = grid.step * (open_start / grid.step);
  if (grid.start <= open_start) grid.start += grid.step;
  if (grid.start > end) return grid;
  grid.n = static_cast<int>(
      std::min<std::int64_t>((end - grid.start) / grid.step, Grid::kTooManySteps - 1) + 1);
  return grid;
}

std::vector<SelectorUse> SelectorUses(const Expr& expr, const Grid& grid,
                                      const PlanOptions& options) {
  Collector collector(options);
  Around around;
  around.grid = grid;
  collector.Visit(expr, around);
  return std::move(collector.uses);
}

}  // namespace narthex::promql
