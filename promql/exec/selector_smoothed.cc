// SPDX-License-Identifier: Apache-2.0
//
// Smoothed instant selectors: the value at a step is interpolated between its neighbours.
#include <algorithm>

#include "promql/exec/range_source.h"
#include "promql/exec/selector.h"
#include "promql/functions/extended.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;

class SmoothedOperator final : public Operator {
 public:
  SmoothedOperator(const VectorSelector& selector, const Grid& grid, ExecContext& ctx)
      : ctx_(ctx),
        series_(ctx.selected[&selector]),
        position_(selector.position),
        holding_(ctx),
        working_(ctx) {
    unique_without_name = OneName(selector).has_value();
    window_.grid = grid;
    window_.time = EvalTimes(selector.time);
    window_.extend_left_ms = window_.extend_right_ms = ctx.lookback_ms;
  }

  Status Next(Batch& out) override {
    while (true) {
      NX_RETURN_IF_ERROR(ctx_.Check());
      const std::size_t rows = std::min(RowsPerBatch(window_.grid.n), series_.set->size() - next_);
      NX_RETURN_IF_ERROR(ResetHeld(out, window_.grid.n, rows, working_));
      if (rows == 0) return {};
      std::vector<storage::Annotations> notes(ctx_.num_workers() * 4);
      NX_RETURN_IF_ERROR(ReadSeries(
          ctx_, series_, StridesOf(window_), next_, rows,
          [&](std::size_t r, storage::SampleColumns& columns, std::size_t portion) {
            out.metric(r) = series_.set->LabelsAt(next_ + r);
            DropStale(columns);
            Fill(columns, out.metric(r).Get(model::kMetricName), out.row(r), notes[portion]);
          }));
      for (const storage::Annotations& note : notes) ctx_.annotations.Merge(note);
      next_ += rows;
      out.DropEmptyRows();
      if (out.rows() > 0) return holding_.AddSamples(out.SampleCount());
    }
  }

 private:
  void Fill(const storage::SampleColumns& c, std::string_view name, RowRef row,
            storage::Annotations& notes) const {
    std::vector<std::uint32_t> lo, hi, hlo, hhi;
    ComputeWindows(window_, c.t, lo, hi);
    ComputeWindows(window_, c.histogram_t, hlo, hhi);
    for (int s = 0; s < row.n_steps; ++s) {
      const model::TimestampMs t = window_.End(s);
      if (hi[s] > lo[s] && hhi[s] > hlo[s]) {
        notes.AddWarning(
            ForMetricName("PromQL warning: encountered a mix of histograms and floats", name),
            position_);
      } else if (hhi[s] > hlo[s]) {
        HistogramAt(c, hlo[s], hhi[s], t, s, name, row, notes);
      } else if (hi[s] > lo[s]) {
        FloatAt(c, lo[s], hi[s], t, s, row);
      }
    }
  }

  static void FloatAt(const storage::SampleColumns& c, std::size_t lo, std::size_t hi,
                      model::TimestampMs t, int s, RowRef row) {
    const std::size_t i = std::lower_bound(c.t.begin() + lo, c.t.begin() + hi, t) - c.t.begin();
    if (i < hi && c.t[i] == t) {
      row.Set(s, c.v[i]);
    } else if (i > lo && i < hi) {
      row.Set(s, Interpolate(c.t[i - 1], c.v[i - 1], c.t[i], c.v[i], t, false));
    } else if (i > lo) {
      row.Set(s, c.v[i - 1]);
    }
  }

  void HistogramAt(const storage::SampleColumns& c, std::size_t lo, std::size_t hi,
                   model::TimestampMs t, int s, std::string_view name, RowRef row,
                   storage::Annotations& notes) const {
    const auto& times = c.histogram_t;
    const std::size_t i =
        std::lower_bound(times.begin() + lo, times.begin() + hi, t) - times.begin();
    if (i < hi && times[i] == t) {
      row.Set(s, c.histograms[i]);
    } else if (i > lo && i < hi) {
      const FloatHistogram &a = c.histograms[i - 1], &b = c.histograms[i];
      const bool gauge = a.counter_reset_hint == CounterResetHint::kGauge &&
                         b.counter_reset_hint == CounterResetHint::kGauge;
      InterpolationNotes met;
      auto h = InterpolateHistograms(times[i - 1], a, times[i], b, t, !gauge, met);
      if (!h) {
        notes.AddWarning(ForMetricName("PromQL warning: vector contains a mix of histograms with "
                                       "exponential and custom buckets schemas",
                                       name),
                         position_);
        return;
      }
      Note(met, notes);
      row.Set(s, std::move(*h));
    } else if (i > lo) {
      // A hint tells about neighbouring samples, not about a value carried on.
      FloatHistogram h = c.histograms[i - 1];
      h.counter_reset_hint = CounterResetHint::kUnknown;
      row.Set(s, std::move(h));
    }
  }

  void Note(const InterpolationNotes& met, storage::Annotations& notes) const {
    const std::string text = "PromQL info: mismatched custom buckets were reconciled during ";
    if (met.subtraction_reconciled) notes.AddInfo(text + "subtraction", position_);
    if (met.addition_reconciled) notes.AddInfo(text + "addition", position_);
  }

  ExecContext& ctx_;
  const SelectedSeries& series_;
  const PositionRange position_;
  RangeWindow window_;
  Holding holding_;
  Holding working_;  // The rows at hand.
  std::size_t next_ = 0;
};

}  // namespace

Result<OperatorPtr> BuildSelector(const VectorSelector& selector, const Grid& grid,
                                  ExecContext& ctx) {
  if (!selector.smoothed) return BuildInstantSelector(selector, SamplePart::kValue, grid, ctx);
  return OperatorPtr(std::make_unique<SmoothedOperator>(selector, grid, ctx));
}

}  // namespace narthex::promql
