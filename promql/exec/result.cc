// SPDX-License-Identifier: Apache-2.0
#include "promql/exec/result.h"

#include <algorithm>
#include <numeric>

#include "narthex/base/clock.h"
#include "narthex/model/float_histogram.h"
#include "promql/exec/range_source.h"
#include "promql/functions/extended.h"

namespace narthex::promql {
namespace {

/// Removes the names that were marked on the way, and joins rows that become equal.
Status FinishNames(Batch& rows, const ExecContext& ctx) {
  if (!ctx.features.delayed_name_removal) return {};
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    if (!rows.drop_name(r)) continue;
    rows.metric(r) = DropMetadataLabels(rows.metric(r));
    rows.drop_name(r) = 0;
  }
  if (!MergeEqualRows(rows)) return Fail(SameLabelsetError());
  return {};
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

Matrix ToMatrix(Batch& rows, const Grid& grid) {
  Matrix matrix;
  matrix.reserve(rows.rows());
  AppendToMatrix(rows, grid, matrix);
  return matrix;
}

/// Memory of the rows as series of a matrix, which have only the samples that are there. The
/// histograms are counted with the rows.
std::size_t MatrixBytes(const Batch& rows) {
  std::size_t bytes = rows.rows() * sizeof(MatrixSeries);
  for (std::size_t r = 0; r < rows.rows(); ++r) bytes += rows.metric(r).bytes().size();
  return bytes + static_cast<std::size_t>(rows.SampleCount()) * sizeof(model::Sample);
}

Vector ToVector(Batch& rows, model::TimestampMs t) {
  Vector vector;
  vector.reserve(rows.rows());
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    VectorSample& sample = vector.emplace_back();
    sample.metric = std::move(rows.metric(r));
    sample.t = t;
    const RowRef row = rows.row(r);
    if (const model::FloatHistogram* h = row.HistogramAt(0)) {
      sample.h = std::make_unique<model::FloatHistogram>(*h);
    } else {
      sample.v = row.v[0];
    }
  }
  return vector;
}

void SortByLabels(Matrix& matrix) {
  std::sort(matrix.begin(), matrix.end(),
            [](const MatrixSeries& a, const MatrixSeries& b) { return a.metric < b.metric; });
}

/// The floats of an anchored or smoothed range as it shows them: values at both ends of the window
/// (smoothed: interpolated) and what lies between.
std::vector<model::Sample> ExtendedFloats(const RangeWindow& window, const RangeSeries& series) {
  const model::TimestampMs start = window.Start(0), end = window.End(0);
  const auto t = series.t.subspan(series.lo[0], series.FloatCount(0));
  const auto v = series.v.subspan(series.lo[0], series.FloatCount(0));
  if (t.empty()) return {};
  // The last sample at or before the start; smoothed: up to the first one at or after the end.
  std::size_t last = t.size() - 1;
  const auto before_last = t.first(last);
  auto first = static_cast<std::size_t>(
      std::upper_bound(before_last.begin(), before_last.end(), start) - before_last.begin());
  if (first > 0) --first;
  if (window.smoothed) {
    last = static_cast<std::size_t>(std::lower_bound(before_last.begin(), before_last.end(), end) -
                                    before_last.begin());
  }
  if (t[last] <= start) return {};
  double left = v[first], right = v[last];
  if (window.smoothed && t[first] < start) {
    left = Interpolate(t[first], v[first], t[first + 1], v[first + 1], start, false);
  }
  if (window.smoothed && last > 0 && t[last] > end) {
    right = Interpolate(t[last - 1], v[last - 1], t[last], v[last], end, false);
  }
  std::vector<model::Sample> floats{{start, left}};
  for (std::size_t i = first; i <= last; ++i) {
    if (t[i] > start && t[i] < end) floats.push_back({t[i], v[i]});
  }
  floats.push_back({end, right});
  return floats;
}

std::int64_t SampleCount(const MatrixSeries& series) {
  auto samples = static_cast<std::int64_t>(series.floats.size());
  for (const HistogramPoint& point : series.histograms) samples += SampleWeight(point.h);
  return samples;
}

/// What one series shows at the only step.
void FillFromWindow(const RangeWindow& window, const RangeSeries& series, MatrixSeries& to) {
  if (window.anchored || window.smoothed) {
    to.floats = ExtendedFloats(window, series);
    return;
  }
  for (std::size_t j = series.lo[0]; j < series.hi[0]; ++j) {
    to.floats.push_back({series.t[j], series.v[j]});
  }
  if (series.h.empty()) return;
  for (std::size_t j = series.hlo[0]; j < series.hhi[0]; ++j) {
    to.histograms.push_back({series.ht[j], series.h[j]});
  }
}

/// The samples of a range vector as they are.
Result<Value> EvaluateRangeVector(const MatrixSelector& selector, const Grid& grid,
                                  ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(const auto source, BuildRangeSource(selector, grid, ctx));
  const RangeWindow& window = source->window;
  const bool extended = window.anchored || window.smoothed;
  Holding holding(ctx);
  Matrix matrix;
  std::atomic<bool> any_histogram{false};
  // In portions, so that too much ends before it is all in memory.
  constexpr std::size_t kPortion = 64;
  for (std::size_t first = 0; first < source->size(); first += kPortion) {
    NX_RETURN_IF_ERROR(ctx.Check());
    Matrix portion(std::min(kPortion, source->size() - first));
    NX_RETURN_IF_ERROR(source->Visit(
        first, portion.size(),
        [&](std::size_t i, model::Labels labels, bool, const RangeSeries& series, std::size_t) {
          if (extended && series.HistogramCount(0) > 0) any_histogram = true;
          FillFromWindow(window, series, portion[i]);
          portion[i].metric = std::move(labels);
        }));
    for (MatrixSeries& series : portion) {
      const std::int64_t samples = SampleCount(series);
      if (samples == 0) continue;
      NX_RETURN_IF_ERROR(ctx.CountSamples(grid, 0, samples, samples));
      NX_RETURN_IF_ERROR(holding.AddSamples(samples));
      NX_RETURN_IF_ERROR(
          holding.AddBytes(static_cast<std::size_t>(samples) * sizeof(model::Sample)));
      matrix.push_back(std::move(series));
    }
  }
  if (extended && any_histogram) {
    return Fail(Code::kExecution, std::string(window.anchored ? "anchored" : "smoothed") +
                                      " modifier is not supported with histograms");
  }
  SortByLabels(matrix);
  return Value(std::move(matrix));
}

Result<Value> EvaluateSubquery(const SubqueryExpr& subquery, const Grid& grid, ExecContext& ctx) {
  const Grid inner =
      SubqueryGrid(subquery, grid, {ctx.lookback_ms, ctx.options.default_subquery_step_ms});
  if (inner.n >= Grid::kTooManySteps) return Fail(TooManySamplesError());
  Holding holding(ctx);
  NX_ASSIGN_OR_RETURN(const OperatorPtr op, Build(*subquery.expr, inner, ctx));
  NX_ASSIGN_OR_RETURN(Batch rows, Collect(*op, inner, holding));
  NX_RETURN_IF_ERROR(FinishNames(rows, ctx));
  Matrix matrix = ToMatrix(rows, inner);
  SortByLabels(matrix);
  return Value(std::move(matrix));
}

Result<Value> EvaluateRows(const Expr& expr, const Grid& grid, bool instant, ExecContext& ctx) {
  Batch rows(grid.n);
  if (expr.type == ValueType::kScalar) {
    NX_ASSIGN_OR_RETURN(const Scalars values, EvalScalar(expr, grid, ctx));
    if (instant) return Value(ScalarValue{grid.start, values[0]});
    RowRef row = rows.AddRow({});
    for (int s = 0; s < grid.n; ++s) row.Set(s, values[s]);
    return Value(ToMatrix(rows, grid));
  }
  Holding holding(ctx);
  NX_ASSIGN_OR_RETURN(const OperatorPtr op, Build(expr, grid, ctx));
  // Joining rows at the end needs all of them; else each batch becomes series and is done.
  const bool at_once = instant || ctx.features.delayed_name_removal;
  Matrix matrix;
  Batch batch;
  while (true) {
    NX_RETURN_IF_ERROR(op->Next(batch));
    if (batch.rows() == 0) break;
    if (at_once) {
      NX_RETURN_IF_ERROR(holding.AddBytes(batch.Bytes()));
      rows.Append(std::move(batch));
      batch = Batch(grid.n);
    } else {
      NX_RETURN_IF_ERROR(holding.AddBytes(MatrixBytes(batch)));
      AppendToMatrix(batch, grid, matrix);
    }
  }
  if (at_once) {
    NX_RETURN_IF_ERROR(FinishNames(rows, ctx));
    if (instant) return Value(ToVector(rows, grid.start));
    AppendToMatrix(rows, grid, matrix);
  }
  SortByLabels(matrix);
  return Value(std::move(matrix));
}

}  // namespace

Result<Value> Evaluate(const Expr& expr, const Grid& grid, bool instant, ExecContext& ctx) {
  const Expr& inner = Unwrapped(expr);
  if (const auto* text = As<StringLiteral>(inner)) {
    return Value(StringValue{grid.start, text->value});
  }
  if (const auto* matrix = As<MatrixSelector>(inner)) {
    return EvaluateRangeVector(*matrix, grid, ctx);
  }
  if (const auto* subquery = As<SubqueryExpr>(inner)) return EvaluateSubquery(*subquery, grid, ctx);
  return EvaluateRows(expr, grid, instant, ctx);
}

}  // namespace narthex::promql
