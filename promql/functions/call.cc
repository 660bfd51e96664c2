// SPDX-License-Identifier: Apache-2.0
//
// Which operator a function call becomes.
#include "promql/functions/functions.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

/// Applies a function to every row of the child.
class MapOperator final : public Operator {
 public:
  MapOperator(OperatorPtr child, std::function<void(RowRef)> fn, bool drop_name,
              const MapCost& cost, ExecContext& ctx)
      : child_(std::move(child)),
        fn_(std::move(fn)),
        drop_name_(drop_name),
        cost_(cost),
        ctx_(ctx),
        holding_(ctx) {
    unique_without_name = child_->unique_without_name;
  }

  Status Next(Batch& out) override {
    while (child_ != nullptr) {
      NX_RETURN_IF_ERROR(ctx_.Check());
      NX_RETURN_IF_ERROR(child_->Next(out));
      if (out.rows() == 0) break;
      inputs_ += out.PointCount();
      for (std::size_t r = 0; r < out.rows(); ++r) {
        fn_(out.row(r));
        if (drop_name_) DropName(out, r, ctx_);
      }
      out.DropEmptyRows();
      results_ += out.SampleCount();
      if (out.rows() > 0) return {};
    }
    // Upstream has all inputs before the first result, and one step of the inputs a second time.
    if (cost_.new_rows) NX_RETURN_IF_ERROR(holding_.AddSamples(std::exchange(results_, 0)));
    if (cost_.gathers) {
      NX_RETURN_IF_ERROR(
          ctx_.TouchSamples(PerStep(std::exchange(inputs_, 0), out.n_steps()) + cost_.num_scalars));
    }
    fn_ = nullptr;  // Gives back its scalars.
    if (cost_.new_rows) child_.reset();
    out.Reset(out.n_steps(), 0);
    return {};
  }

 private:
  OperatorPtr child_;
  std::function<void(RowRef)> fn_;
  const bool drop_name_;
  const MapCost cost_;
  ExecContext& ctx_;
  Holding holding_;
  std::int64_t inputs_ = 0, results_ = 0;
};

Result<OperatorPtr> BuildVectorOfScalar(const Call& call, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(const Scalars values, EvalScalar(*call.args[0], grid, ctx));
  NX_ASSIGN_OR_RETURN(OperatorPtr op, MakeOneRow({}, grid, ctx, [&](RowRef row) {
                        for (int s = 0; s < grid.n; ++s) row.Set(s, values[s]);
                      }));
  NX_RETURN_IF_ERROR(ctx.TouchSamples(1));
  return op;
}

}  // namespace

OperatorPtr MapRows(OperatorPtr child, std::function<void(RowRef)> fn, bool drop_name,
                    const MapCost& cost, const Grid& grid, ExecContext& ctx) {
  auto op = std::make_unique<MapOperator>(std::move(child), std::move(fn), drop_name, cost, ctx);
  if (!drop_name) return op;
  return JoinEqualRows(std::move(op), grid, ctx);
}

Result<OperatorPtr> BuildCall(const Call& call, const Grid& grid, ExecContext& ctx) {
  const FunctionId id = call.function->id;
  if (FindRangeFunction(id).kernel != nullptr) {
    if (id == FunctionId::kAbsentOverTime) return BuildAbsentOverTime(call, grid, ctx);
    return BuildRangeCall(call, grid, ctx);
  }
  if (IsDateFunction(id)) return BuildDate(call, grid, ctx);
  switch (id) {
    case FunctionId::kTimestamp:
      return BuildTimestamp(call, grid, ctx);
    case FunctionId::kStartTimestamp:
      return BuildStartTimestamp(call, grid, ctx);
    case FunctionId::kAbsent:
      return BuildAbsent(call, grid, ctx);
    case FunctionId::kVector:
      return BuildVectorOfScalar(call, grid, ctx);
    case FunctionId::kLabelReplace:
      return BuildLabelReplace(call, grid, ctx);
    case FunctionId::kLabelJoin:
      return BuildLabelJoin(call, grid, ctx);
    case FunctionId::kSort:
    case FunctionId::kSortDesc:
    case FunctionId::kSortByLabel:
    case FunctionId::kSortByLabelDesc:
      return BuildSort(call, grid, ctx);
    case FunctionId::kHistogramCount:
    case FunctionId::kHistogramSum:
    case FunctionId::kHistogramAvg:
    case FunctionId::kHistogramStddev:
    case FunctionId::kHistogramStdvar:
      return BuildHistogramValue(call, grid, ctx);
    case FunctionId::kHistogramQuantile:
    case FunctionId::kHistogramQuantiles:
    case FunctionId::kHistogramFraction:
      return BuildHistogramQuantile(call, grid, ctx);
    case FunctionId::kInfo:
      return BuildInfo(call, grid, ctx);
    default:
      return BuildMath(call, grid, ctx);
  }
}

}  // namespace narthex::promql
