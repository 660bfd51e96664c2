// SPDX-License-Identifier: Apache-2.0
//
// histogram_count, _sum, _avg, _stddev, _stdvar of native histograms. Floats are left out.
#include <cmath>

#include "narthex/model/float_histogram.h"
#include "promql/functions/functions.h"

namespace narthex::promql {
namespace {

double ValueOf(FunctionId id, const model::FloatHistogram& h, std::vector<model::Bucket>& scratch) {
  switch (id) {
    case FunctionId::kHistogramCount:
      return h.count;
    case FunctionId::kHistogramSum:
      return h.sum;
    case FunctionId::kHistogramAvg:
      return h.sum / h.count;
    case FunctionId::kHistogramStddev:
      return std::sqrt(model::Variance(h, scratch));
    default:
      return model::Variance(h, scratch);
  }
}

/// Only __name__ goes here, type and unit stay.
class HistogramValueOperator final : public Operator {
 public:
  HistogramValueOperator(OperatorPtr child, FunctionId id, ExecContext& ctx)
      : child_(std::move(child)), id_(id), ctx_(ctx), holding_(ctx) {
    unique_without_name = child_->unique_without_name;
  }

  Status Next(Batch& out) override {
    while (child_ != nullptr) {
      NX_RETURN_IF_ERROR(ctx_.Check());
      NX_RETURN_IF_ERROR(child_->Next(out));
      if (out.rows() == 0) break;
      inputs_ += out.PointCount();
      for (std::size_t r = 0; r < out.rows(); ++r) {
        Convert(out.row(r));
        if (ctx_.features.delayed_name_removal) {
          out.drop_name(r) = 1;
        } else {
          out.metric(r) = model::LabelsBuilder(out.metric(r)).Delete(model::kMetricName).Build();
        }
      }
      out.DropEmptyRows();
      results_ += out.SampleCount();
      if (out.rows() > 0) return {};
    }
    NX_RETURN_IF_ERROR(holding_.AddSamples(std::exchange(results_, 0)));
    NX_RETURN_IF_ERROR(ctx_.TouchSamples(PerStep(std::exchange(inputs_, 0), out.n_steps())));
    child_.reset();  // Its samples are no longer held.
    out.Reset(out.n_steps(), 0);
    return {};
  }

 private:
  void Convert(RowRef row) {
    for (int s = 0; s < row.n_steps; ++s) {
      if (!row.Has(s)) continue;
      const HistogramPtr h = row.SharedHistogramAt(s);
      row.Clear(s);
      if (h != nullptr) row.Set(s, ValueOf(id_, *h, scratch_));
    }
    row.histograms->reset();
  }

  OperatorPtr child_;
  const FunctionId id_;
  ExecContext& ctx_;
  Holding holding_;
  std::int64_t inputs_ = 0, results_ = 0;
  std::vector<model::Bucket> scratch_;
};

}  // namespace

Result<OperatorPtr> BuildHistogramValue(const Call& call, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(OperatorPtr child, Build(*call.args[0], grid, ctx));
  return JoinEqualRows(
      std::make_unique<HistogramValueOperator>(std::move(child), call.function->id, ctx), grid,
      ctx);
}

}  // namespace narthex::promql
