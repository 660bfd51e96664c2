// SPDX-License-Identifier: Apache-2.0
#include "promql/exec/matrix_source.h"

namespace narthex::promql {
namespace {

class RowsSource final : public MatrixSource {
 public:
  RowsSource(OperatorPtr op, const Grid& grid, ExecContext& ctx)
      : op_(std::move(op)), grid_(grid), ctx_(ctx) {}

  Status Next(Matrix& out, Holding& holding) override {
    out.clear();
    NX_RETURN_IF_ERROR(op_->Next(batch_));
    if (batch_.rows() == 0) return {};
    DropMarkedNames(batch_, ctx_);
    NX_RETURN_IF_ERROR(holding.AddBytes(MatrixBytes(batch_)));
    AppendToMatrix(batch_, grid_, out);
    return {};
  }

 private:
  OperatorPtr op_;
  const Grid grid_;
  const ExecContext& ctx_;
  Batch batch_;
};

}  // namespace

void DropMarkedNames(Batch& rows, const ExecContext& ctx) {
  if (!ctx.features.delayed_name_removal) return;
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    if (!rows.drop_name(r)) continue;
    DropMetadataLabels(rows.metric(r));
    rows.drop_name(r) = 0;
  }
}

std::size_t MatrixBytes(const Batch& rows) {
  std::size_t bytes = rows.rows() * sizeof(MatrixSeries);
  for (std::size_t r = 0; r < rows.rows(); ++r) bytes += rows.metric(r).bytes().size();
  return bytes + static_cast<std::size_t>(rows.SampleCount()) * sizeof(model::Sample);
}

void AppendToMatrix(Batch& rows, const Grid& grid, Matrix& matrix) {
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    MatrixSeries& series = matrix.emplace_back();
    series.metric = std::move(rows.metric(r));
    const RowRef row = rows.row(r);
    if (!row.HasHistograms()) series.floats.reserve(row.Count());
    ForEachPresent(row.present, row.n_steps, [&](int s) {
      if (const model::FloatHistogram* h = row.HistogramAt(s)) {
        series.histograms.push_back({grid.At(s), *h});
      } else {
        series.floats.push_back({grid.At(s), row.v[s]});
      }
    });
  }
}

Result<MatrixSourcePtr> MakeRowsSource(const Expr& expr, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(OperatorPtr op, Build(expr, grid, ctx));
  return std::make_unique<RowsSource>(std::move(op), grid, ctx);
}

}  // namespace narthex::promql
