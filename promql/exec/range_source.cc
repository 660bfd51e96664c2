// SPDX-License-Identifier: Apache-2.0
#include "promql/exec/range_source.h"

#include <algorithm>

#include "narthex/model/float_histogram.h"
#include "narthex/model/sample.h"
#include "promql/exec/advance.h"
#include "promql/exec/lanes.h"
#include "promql/exec/trace.h"
#include "promql/plan/plan.h"

namespace narthex::promql {
namespace {

/// What one series needs beside its samples; kept from series to series.
struct Scratch {
  std::vector<std::uint32_t> lo, hi, hlo, hhi;
  std::string name;
};

RangeSeries View(const RangeWindow& window, const storage::SampleColumns& columns,
                 Scratch& scratch) {
  RangeSeries series;
  series.t = columns.t;
  series.v = columns.v;
  ComputeWindows(window, series.t, scratch.lo, scratch.hi);
  series.lo = scratch.lo;
  series.hi = scratch.hi;
  series.ht = columns.histogram_t;
  series.h = columns.histograms;
  if (!series.h.empty()) {
    ComputeWindows(window, series.ht, scratch.hlo, scratch.hhi);
    series.hlo = scratch.hlo;
    series.hhi = scratch.hhi;
  }
  return series;
}

void AddStarts(const storage::SampleColumns& columns, RangeSeries& series) {
  if (!columns.starts.empty()) series.starts = &columns.starts;
  if (!columns.histogram_starts.empty()) series.hstarts = &columns.histogram_starts;
}

RangeWindow WindowOf(const MatrixSelector& matrix, const Grid& grid, const ExecContext& ctx) {
  RangeWindow window;
  window.grid = grid;
  window.time = EvalTimes(matrix.selector->time);
  window.range_ms = matrix.range_ms;
  window.anchored = matrix.selector->anchored;
  window.smoothed = matrix.selector->smoothed;
  if (window.anchored || window.smoothed) window.extend_left_ms = ctx.lookback_ms;
  if (window.smoothed) window.extend_right_ms = ctx.lookback_ms;
  return window;
}

class SelectorSource final : public RangeSource {
 public:
  SelectorSource(const MatrixSelector& matrix, const Grid& grid, ExecContext& ctx)
      : series_(ctx.selected[matrix.selector.get()]), ctx_(ctx), name_(OneName(*matrix.selector)) {
    max_portions = ctx.num_workers() * 4;
    window = WindowOf(matrix, grid, ctx);
    one_name = name_.has_value();
  }
  std::size_t size() const override { return series_.set->size(); }

  Status Visit(std::size_t first, std::size_t count, const Visitor& fn) const override {
    std::vector<Scratch> scratch(max_portions);
    return ReadSeries(ctx_, series_, StridesOf(window), first, count,
                      [&](std::size_t i, storage::SampleColumns& columns, std::size_t portion) {
                        DropStale(columns);
                        if (columns.t.empty() && columns.histograms.empty()) return;
                        RangeSeries series = View(window, columns, scratch[portion]);
                        if (ctx_.features.use_start_timestamps) AddStarts(columns, series);
                        const bool no_notes = columns.histograms.empty() && !series.starts;
                        if (only_labels && no_notes && name_) {
                          series.name = *name_;
                          return fn(i, series_.SomeLabelsAt(first + i, *only_labels), false, series,
                                    portion);
                        }
                        model::Labels labels = series_.set->LabelsAt(first + i);
                        // A copy, because the visitor may change the labels.
                        series.name = scratch[portion].name.assign(labels.Get(model::kMetricName));
                        fn(i, std::move(labels), false, series, portion);
                      });
  }

 private:
  const SelectedSeries& series_;
  const ExecContext& ctx_;
  const std::optional<std::string_view> name_;  // Into the expression.
};

/// The rows of a subquery, with the samples that are present as columns.
class SubquerySource final : public RangeSource {
 public:
  SubquerySource(Batch rows, const Grid& inner, ExecContext& ctx)
      : rows_(std::move(rows)), size_(rows_.rows()), inner_(inner), ctx_(ctx), holding_(ctx) {
    max_portions = 1;
  }
  Status Hold() {
    const std::int64_t samples = rows_.SampleCount();
    // The row at hand is there once more, as columns.
    const auto columns = 16 * static_cast<std::size_t>(std::min<std::int64_t>(samples, inner_.n));
    NX_RETURN_IF_ERROR(holding_.AddBytes(rows_.Bytes() + columns));
    return holding_.AddSamples(samples);
  }
  std::size_t size() const override { return size_; }
  void Release() override {
    rows_ = Batch();
    holding_.Release();
  }

  Status Visit(std::size_t first, std::size_t count, const Visitor& fn) const override {
    storage::SampleColumns columns;
    Scratch scratch;
    for (std::size_t i = 0; i < count; ++i) {
      if (i % 64 == 0) NX_RETURN_IF_ERROR(ctx_.Check());
      const std::size_t r = first + i;
      columns.Clear();
      Unpack(rows_.row(r), columns);
      RangeSeries series = View(window, columns, scratch);
      series.name = scratch.name.assign(rows_.metric(r).Get(model::kMetricName));
      fn(i, rows_.metric(r), rows_.drop_name(r), series, 0);
    }
    return {};
  }

 private:
  void Unpack(const RowRef& row, storage::SampleColumns& columns) const {
    ForEachPresent(row.present, inner_.n, [&](int s) {
      if (const model::FloatHistogram* h = row.HistogramAt(s)) {
        columns.histogram_t.push_back(inner_.At(s));
        columns.histograms.push_back(*h);
        // What was a reset between stored samples need not be one between subquery steps.
        auto& hint = columns.histograms.back().counter_reset_hint;
        if (hint != model::CounterResetHint::kGauge) hint = model::CounterResetHint::kUnknown;
      } else {
        columns.t.push_back(inner_.At(s));
        columns.v.push_back(row.v[s]);
      }
    });
  }

  mutable Batch rows_;
  const std::size_t size_;
  const Grid inner_;
  ExecContext& ctx_;
  Holding holding_;
};

/// Whether a block of kBlock values holds a NaN.
constexpr std::size_t kBlock = 32;
bool AnyNan(const double* v) {
  return AnyPair<kBlock>(v, [](std::size_t, const Pair& x, PairMask& nan) { nan |= x != x; });
}

/// Index of the first stale marker, or the size. Stale markers are NaNs, and most series have none.
std::size_t FirstStale(std::span<const double> v) {
  std::size_t i = 0;
  for (; i + kBlock <= v.size(); i += kBlock) {
    if (!AnyNan(v.data() + i)) continue;
    const auto block = v.subspan(i, kBlock);
    const auto stale = std::find_if(block.begin(), block.end(), model::IsStale);
    if (stale != block.end()) return i + static_cast<std::size_t>(stale - block.begin());
  }
  return static_cast<std::size_t>(
      std::find_if(v.begin() + static_cast<std::ptrdiff_t>(i), v.end(), model::IsStale) -
      v.begin());
}

}  // namespace

void DropStale(storage::SampleColumns& c) {
  const std::size_t first_stale = FirstStale(c.v);
  if (first_stale < c.v.size()) {
    std::size_t to = first_stale;
    for (std::size_t from = to; from < c.v.size(); ++from) {
      if (model::IsStale(c.v[from])) continue;
      c.starts.Move(from, to);
      c.t[to] = c.t[from];
      c.v[to++] = c.v[from];
    }
    c.starts.Truncate(to);
    c.t.resize(to);
    c.v.resize(to);
  }
  if (c.histograms.empty()) return;
  std::size_t to = 0;
  for (std::size_t from = 0; from < c.histograms.size(); ++from) {
    if (model::IsStale(c.histograms[from].sum)) continue;
    if (to != from) {
      c.histograms[to] = std::move(c.histograms[from]);
      c.histogram_t[to] = c.histogram_t[from];
      c.histogram_starts.Move(from, to);
    }
    ++to;
  }
  c.histograms.resize(to);
  c.histogram_t.resize(to);
  c.histogram_starts.Truncate(to);
}

void ComputeWindows(const RangeWindow& window, std::span<const model::TimestampMs> times,
                    std::vector<std::uint32_t>& lo, std::vector<std::uint32_t>& hi) {
  const auto n = static_cast<std::size_t>(window.grid.n);
  lo.resize(n);
  hi.resize(n);
  Advance begin(times), end(times);
  for (std::size_t s = 0; s < n; ++s) {
    const int step = static_cast<int>(s);
    const std::size_t h = end.To(window.End(step) + window.extend_right_ms);
    const std::size_t l = begin.To(window.Start(step) - window.extend_left_ms);
    lo[s] = static_cast<std::uint32_t>(std::min(l, h));
    hi[s] = static_cast<std::uint32_t>(h);
  }
}

Result<std::unique_ptr<RangeSource>> BuildRangeSource(const Expr& expr, const Grid& grid,
                                                      ExecContext& ctx) {
  const Expr& inner = Unwrapped(expr);
  if (const auto* matrix = As<MatrixSelector>(inner)) {
    return std::make_unique<SelectorSource>(*matrix, grid, ctx);
  }
  const auto* subquery = As<SubqueryExpr>(inner);
  if (subquery == nullptr) {
    return Fail(Code::kInternal, "unexpected error: not a range vector expression");
  }
  const Grid inner_grid =
      SubqueryGrid(*subquery, grid, {ctx.lookback_ms, ctx.options.default_subquery_step_ms});
  if (inner_grid.n >= Grid::kTooManySteps) return Fail(TooManySamplesError());
  const EvalTimes times(subquery->time);
  const SubqueryFrame frame{grid, times.fixed, times.offset_ms, ctx.subquery};
  TraceNode* const node = AddTraceNode(inner, grid, ctx);
  const TraceScope scope(ctx, node);
  ctx.subquery = &frame;
  ++ctx.subquery_depth;
  NX_ASSIGN_OR_RETURN(OperatorPtr op, Build(*subquery->expr, inner_grid, ctx));
  Holding holding(ctx);
  NX_ASSIGN_OR_RETURN(Batch rows, Collect(*op, inner_grid, holding));
  --ctx.subquery_depth;
  ctx.subquery = frame.parent;
  const bool one_name = op->unique_without_name;
  op.reset();
  holding.Release();
  if (node != nullptr) {
    node->series = static_cast<std::int64_t>(rows.rows());
    node->samples = rows.PointCount();
    node->bytes = static_cast<std::int64_t>(rows.Bytes());
  }
  auto source = std::make_unique<SubquerySource>(std::move(rows), inner_grid, ctx);
  NX_RETURN_IF_ERROR(source->Hold());
  source->window.grid = grid;
  source->window.time = times;
  source->window.range_ms = subquery->range_ms;
  source->one_name = one_name;
  source->is_subquery = true;
  return source;
}

}  // namespace narthex::promql
