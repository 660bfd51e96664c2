// SPDX-License-Identifier: Apache-2.0
#include "promql/exec/result.h"

#include <algorithm>

#include "promql/exec/selector.h"
#include "promql/exec/trace.h"
#include "promql/parser/functions.h"

namespace narthex::promql {
namespace {

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

/// Joins rows that became equal when marked names went.
Status JoinNameless(Batch& rows, const ExecContext& ctx) {
  if (ctx.features.delayed_name_removal && !MergeEqualRows(rows)) {
    return Fail(SameLabelsetError());
  }
  return {};
}

Result<Value> SortedByLabels(Matrix matrix) {
  std::sort(matrix.begin(), matrix.end(),
            [](const MatrixSeries& a, const MatrixSeries& b) { return a.metric < b.metric; });
  return Value(std::move(matrix));
}

Result<Value> EvaluateRangeVector(const MatrixSelector& selector, const Grid& grid,
                                  StreamGate& gate, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(const MatrixSourcePtr source, MakeRangeVectorSource(selector, grid, ctx));
  Holding holding(ctx);
  Matrix matrix, portion;
  while (!gate.in_vain()) {
    NX_RETURN_IF_ERROR(source->Next(portion, holding));
    if (portion.empty()) break;
    for (const MatrixSeries& series : portion) gate.Note(series.metric);
    if (gate.LetGo(holding.bytes())) {
      matrix = Matrix();
      holding.Release();
    } else {
      std::move(portion.begin(), portion.end(), std::back_inserter(matrix));
    }
  }
  return SortedByLabels(std::move(matrix));
}

/// The rows of an operator on their way into a matrix.
class RowCollector {
 public:
  RowCollector(const Grid& grid, StreamGate& gate, ExecContext& ctx)
      : grid_(grid),
        gate_(gate),
        ctx_(ctx),
        // Joining rows at the end needs all of them; else each batch becomes series and is done.
        at_once_(ctx.features.delayed_name_removal),
        rows_(grid.n),
        holding_(ctx) {}

  Status Add(Batch& batch) {
    DropMarkedNames(batch, ctx_);
    for (std::size_t r = 0; r < batch.rows(); ++r) gate_.Note(batch.metric(r));
    // Before the batch is held: an operator that gives all at once holds it anyway, and would both
    // times.
    if (!gate_.LetGo(holding_.bytes())) return Hold(batch);
    rows_ = Batch(grid_.n);
    matrix_ = Matrix();
    holding_.Release();
    return {};
  }

  Result<Value> Finish() {
    NX_RETURN_IF_ERROR(JoinNameless(rows_, ctx_));
    AppendToMatrix(rows_, grid_, matrix_);
    return SortedByLabels(std::move(matrix_));
  }

 private:
  Status Hold(Batch& batch) {
    NX_RETURN_IF_ERROR(holding_.AddBytes(at_once_ ? batch.Bytes() : MatrixBytes(batch)));
    if (at_once_) {
      rows_.Append(std::exchange(batch, Batch(grid_.n)));
    } else {
      AppendToMatrix(batch, grid_, matrix_);
    }
    return {};
  }

  const Grid grid_;
  StreamGate& gate_;
  ExecContext& ctx_;
  const bool at_once_;
  Batch rows_;
  Matrix matrix_;
  Holding holding_;
};

Result<Value> EvaluateMatrix(const Expr& expr, const Grid& grid, StreamGate& gate,
                             ExecContext& ctx) {
  RowCollector collector(grid, gate, ctx);
  NX_ASSIGN_OR_RETURN(const OperatorPtr op, Build(expr, grid, ctx));
  Batch batch;
  while (!gate.in_vain()) {
    NX_RETURN_IF_ERROR(op->Next(batch));
    if (batch.rows() == 0) break;
    NX_RETURN_IF_ERROR(collector.Add(batch));
  }
  return collector.Finish();
}

Result<Value> EvaluateVector(const Expr& expr, const Grid& grid, ExecContext& ctx) {
  Holding holding(ctx);
  NX_ASSIGN_OR_RETURN(const OperatorPtr op, Build(expr, grid, ctx));
  NX_ASSIGN_OR_RETURN(Batch rows, Collect(*op, grid, holding));
  DropMarkedNames(rows, ctx);
  NX_RETURN_IF_ERROR(JoinNameless(rows, ctx));
  return Value(ToVector(rows, grid.start));
}

Result<Value> EvaluateScalar(const Expr& expr, const Grid& grid, bool instant, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(const Scalars values, EvalScalar(expr, grid, ctx));
  if (instant) return Value(ScalarValue{grid.start, values[0]});
  MatrixSeries series;
  for (int s = 0; s < grid.n; ++s) series.floats.push_back({grid.At(s), values[s]});
  Matrix matrix;
  matrix.push_back(std::move(series));
  return Value(std::move(matrix));
}

Result<Grid> GridInside(const SubqueryExpr& subquery, const Grid& grid, const ExecContext& ctx) {
  const Grid inner =
      SubqueryGrid(subquery, grid, {ctx.lookback_ms, ctx.options.default_subquery_step_ms});
  if (inner.n >= Grid::kTooManySteps) return Fail(TooManySamplesError());
  return inner;
}

/// What a range vector, which no operator gives, has.
void TraceMatrix(const Matrix& matrix, TraceNode& node) {
  node.series = static_cast<std::int64_t>(matrix.size());
  for (const MatrixSeries& series : matrix) {
    node.samples += static_cast<std::int64_t>(series.floats.size() + series.histograms.size());
  }
  node.bytes = node.samples * static_cast<std::int64_t>(sizeof(model::Sample));
}

Result<Value> EvaluateOnce(const Expr& expr, const Grid& grid, bool instant, StreamGate& gate,
                           ExecContext& ctx) {
  const Expr& inner = Unwrapped(expr);
  if (const auto* text = As<StringLiteral>(inner)) {
    return Value(StringValue{grid.start, text->value});
  }
  if (const auto* matrix = As<MatrixSelector>(inner)) {
    TraceNode* const node = AddTraceNode(inner, grid, ctx);
    const TraceScope scope(ctx, node);
    auto value = EvaluateRangeVector(*matrix, grid, gate, ctx);
    if (value && node != nullptr) TraceMatrix(std::get<Matrix>(*value), *node);
    return value;
  }
  if (const auto* subquery = As<SubqueryExpr>(inner)) {
    NX_ASSIGN_OR_RETURN(const Grid inside, GridInside(*subquery, grid, ctx));
    const EvalTimes times(subquery->time);
    const SubqueryFrame frame{grid, times.fixed, times.offset_ms, nullptr};
    ctx.subquery = &frame;
    TraceNode* const node = AddTraceNode(inner, grid, ctx);
    const TraceScope scope(ctx, node);
    auto value = EvaluateMatrix(*subquery->expr, inside, gate, ctx);
    if (value && node != nullptr) TraceMatrix(std::get<Matrix>(*value), *node);
    ctx.subquery = nullptr;
    return value;
  }
  if (expr.type == ValueType::kScalar) return EvaluateScalar(expr, grid, instant, ctx);
  return instant ? EvaluateVector(expr, grid, ctx) : EvaluateMatrix(expr, grid, gate, ctx);
}

/// info() looks for its series while it is evaluated, and may find others the next time.
bool LooksForSeries(const Expr& expr) {
  const auto* call = As<Call>(expr);
  bool found = call != nullptr && call->function->id == FunctionId::kInfo;
  ForEachChild(expr, [&](const Expr& child) { found = found || LooksForSeries(child); });
  return found;
}

}  // namespace

Result<Value> Evaluate(const Expr& expr, const Grid& grid, bool instant, StreamGate& gate,
                       ExecContext& ctx) {
  if (LooksForSeries(expr)) gate = StreamGate(0);
  storage::Annotations notes = ctx.annotations;
  auto value = EvaluateOnce(expr, grid, instant, gate, ctx);
  if (!gate.in_vain()) return value;
  ctx.StartOver(std::move(notes));
  gate = StreamGate(0);
  return EvaluateOnce(expr, grid, instant, gate, ctx);
}

Result<MatrixSourcePtr> MakeMatrixSource(const Expr& expr, const Grid& grid, ExecContext& ctx) {
  const Expr& inner = Unwrapped(expr);
  if (const auto* matrix = As<MatrixSelector>(inner)) {
    return MakeRangeVectorSource(*matrix, grid, ctx);
  }
  if (const auto* subquery = As<SubqueryExpr>(inner)) {
    NX_ASSIGN_OR_RETURN(const Grid inside, GridInside(*subquery, grid, ctx));
    return MakeRowsSource(*subquery->expr, inside, ctx);
  }
  return MakeRowsSource(expr, grid, ctx);
}

}  // namespace narthex::promql
