// SPDX-License-Identifier: Apache-2.0
//
// Instant vector selectors: each series is decoded once, then the newest sample within the
// lookback window is taken at every step.
#include "promql/exec/selector.h"

#include <algorithm>

#include "narthex/model/float_histogram.h"
#include "narthex/model/sample.h"
#include "promql/exec/advance.h"

namespace narthex::promql {
namespace {

/// The time that is asked for, of sample i of a kind.
double TimeOf(const InstantWindow& window, model::TimestampMs t, const storage::StartTimes& starts,
              std::size_t i) {
  return window.Seconds(window.part == SamplePart::kTime ? t : starts.At(i));
}

void FillFloats(const InstantWindow& window, const storage::SampleColumns& c, RowRef row) {
  Advance next(c.t);
  FillSteps(row, [&](int s, double& v) {
    const model::TimestampMs t = window.At(s);
    const std::size_t i = next.To(t);
    if (i == 0 || c.t[i - 1] <= t - window.lookback_ms) return false;
    v = c.v[i - 1];
    if (model::IsStale(v)) return false;
    if (window.part != SamplePart::kValue) v = TimeOf(window, c.t[i - 1], c.starts, i - 1);
    return true;
  });
}

void FillMixed(const InstantWindow& window, storage::SampleColumns& c, RowRef row) {
  Advance next_float(c.t), next_histogram(c.histogram_t);
  std::vector<HistogramPtr> shared(c.histograms.size());
  for (int s = 0; s < window.grid.n; ++s) {
    const model::TimestampMs t = window.At(s);
    const std::size_t i = next_float.To(t), j = next_histogram.To(t);
    const bool is_histogram = j > 0 && (i == 0 || c.histogram_t[j - 1] >= c.t[i - 1]);
    if (i == 0 && j == 0) continue;
    const model::TimestampMs at = is_histogram ? c.histogram_t[j - 1] : c.t[i - 1];
    if (at <= t - window.lookback_ms) continue;
    if (model::IsStale(is_histogram ? c.histograms[j - 1].sum : c.v[i - 1])) continue;
    if (window.part != SamplePart::kValue) {
      row.Set(s, is_histogram ? TimeOf(window, at, c.histogram_starts, j - 1)
                              : TimeOf(window, at, c.starts, i - 1));
    } else if (!is_histogram) {
      row.Set(s, c.v[i - 1]);
    } else {
      HistogramPtr& h = shared[j - 1];
      if (h == nullptr) {
        h = std::make_shared<const model::FloatHistogram>(std::move(c.histograms[j - 1]));
      }
      row.Set(s, h);
      // Stale checks above look at the moved-from histogram again only for its sum, which stays.
    }
  }
}

/// The histograms at which upstream's iterator arrives by a leap, or as its first sample, rising.
std::vector<std::size_t> Landings(const storage::SampleColumns& c, const Strides& strides) {
  std::vector<std::size_t> landings;
  std::size_t i = 0, j = 0;  // The next float and histogram.
  const auto next_time = [&] {
    const model::TimestampMs f = i < c.t.size() ? c.t[i] : model::kMaxTime;
    return j < c.histogram_t.size() ? std::min(f, c.histogram_t[j]) : f;
  };
  const auto go_to = [&](model::TimestampMs t) {
    while (i < c.t.size() && c.t[i] < t) ++i;
    while (j < c.histogram_t.size() && c.histogram_t[j] < t) ++j;
    return next_time();
  };
  const auto land = [&](model::TimestampMs t) {
    if (j >= c.histogram_t.size() || c.histogram_t[j] != t) return;
    if (landings.empty() || landings.back() != j) landings.push_back(j);
  };
  land(next_time());
  model::TimestampMs at = model::kMinTime;
  for (int s = 0; s < strides.grid.n && at < model::kMaxTime; ++s) {
    const model::TimestampMs t = strides.time.At(strides.grid.At(s)) + strides.ahead_ms;
    const model::TimestampMs oldest = t - (s == 0 ? strides.first_reach_ms : strides.reach_ms);
    if (at < oldest) {
      at = go_to(oldest);
      land(at);
    }
    if (at < t) at = go_to(t);
  }
  return landings;
}

/// A leap of the iterator over parts of the storage forgets whether a histogram is a reset.
void ForgetResets(std::vector<model::FloatHistogram>& histograms,
                  const std::vector<std::size_t>& landings) {
  for (const std::size_t j : landings) {
    auto& hint = histograms[j].counter_reset_hint;
    if (hint != model::CounterResetHint::kGauge) hint = model::CounterResetHint::kUnknown;
  }
}

/// Removes the buckets. Resets can't be seen afterwards, so unknown hints are settled before, where
/// upstream has read the histogram before.
void KeepStatsOnly(std::vector<model::FloatHistogram>& histograms,
                   const std::vector<std::size_t>& landings) {
  using model::CounterResetHint;
  const auto settle = [](model::FloatHistogram& h, const model::FloatHistogram* last) {
    if (h.counter_reset_hint != CounterResetHint::kUnknown || last == nullptr) return;
    h.counter_reset_hint =
        model::DetectReset(h, *last) ? CounterResetHint::kReset : CounterResetHint::kNotReset;
  };
  std::vector<model::FloatHistogram> stats;
  stats.reserve(histograms.size());
  const model::FloatHistogram* last = nullptr;
  auto landing = landings.begin();
  for (std::size_t j = 0; j < histograms.size(); ++j) {
    model::FloatHistogram& h = histograms[j];
    if (landing != landings.end() && *landing == j) {
      last = nullptr;
      ++landing;
    }
    if (!model::IsStale(h.sum)) {
      settle(h, last);
      last = &h;
    }
    model::FloatHistogram& kept = stats.emplace_back();
    kept.counter_reset_hint = h.counter_reset_hint;
    kept.schema = h.schema;
    kept.count = h.count;
    kept.sum = h.sum;
  }
  histograms = std::move(stats);
}

class SelectorOperator final : public Operator {
 public:
  SelectorOperator(const VectorSelector& selector, const InstantWindow& window, ExecContext& ctx)
      : ctx_(ctx), series_(ctx.selected[&selector]), window_(window), holding_(ctx), working_(ctx) {
    unique_without_name = OneName(selector).has_value();
  }

  void LeaveOutLabels(std::span<const std::string> but) override { only_labels_ = but; }

  Status Next(Batch& out) override {
    while (true) {
      NX_RETURN_IF_ERROR(ctx_.Check());
      const std::size_t rows = std::min(RowsPerBatch(window_.grid.n), series_.set->size() - next_);
      NX_RETURN_IF_ERROR(ResetHeld(out, window_.grid.n, rows, working_));
      if (rows == 0) return {};
      NX_RETURN_IF_ERROR(FillBatch(out));
      next_ += rows;
      out.DropEmptyRows();
      if (out.rows() == 0) continue;
      NX_RETURN_IF_ERROR(CountAll(out));
      return holding_.AddSamples(out.SampleCount());
    }
  }

 private:
  Status CountAll(Batch& out) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(out.n_steps()), 0);
    for (std::size_t r = 0; r < out.rows(); ++r) {
      const RowRef row = out.row(r);
      ForEachPresent(row.present, row.n_steps, [&](int s) {
        const model::FloatHistogram* h = row.HistogramAt(s);
        counts[s] += h == nullptr ? 1 : model::SampleWeight(*h);
      });
    }
    for (int s = 0; s < out.n_steps(); ++s) {
      NX_RETURN_IF_ERROR(ctx_.CountSamples(window_.grid, s, counts[s], counts[s]));
    }
    return {};
  }

  Status FillBatch(Batch& out) {
    const Strides strides{window_.grid, window_.time, 0, window_.lookback_ms, window_.lookback_ms};
    return ReadSeries(ctx_, series_, strides, next_, out.rows(),
                      [&](std::size_t r, storage::SampleColumns& columns, std::size_t) {
                        const bool some = only_labels_ && columns.histograms.empty();
                        out.metric(r) = some ? series_.SomeLabelsAt(next_ + r, *only_labels_)
                                             : series_.set->LabelsAt(next_ + r);
                        FillInstantRow(window_, columns, out.row(r));
                      });
  }

  ExecContext& ctx_;
  const SelectedSeries& series_;
  const InstantWindow window_;
  Holding holding_;
  Holding working_;  // The rows at hand.
  std::size_t next_ = 0;
  std::optional<std::span<const std::string>> only_labels_;  // Null: all are wanted.
};

/// Into how many portions the work on `count` series is split: more than there are threads, so that
/// one slow portion does not leave the others waiting; but what is done in less time than waking a
/// thread takes is not split.
std::size_t NumPortions(const ExecContext& ctx, const SelectedSeries& series, std::size_t count) {
  constexpr double kUsualIntervalMs = 15'000, kSamplesPerChunk = 120, kFewSamples = 20'000;
  const double range_ms = static_cast<double>(series.maxt) - static_cast<double>(series.mint);
  const double samples =
      static_cast<double>(count) * (kSamplesPerChunk + range_ms / kUsualIntervalMs);
  if (ctx.num_workers() == 1 || samples < kFewSamples) return std::min<std::size_t>(count, 1);
  return std::min(count, ctx.num_workers() * 4);
}

}  // namespace

void FillInstantRow(const InstantWindow& window, storage::SampleColumns& columns, RowRef row) {
  if (columns.histograms.empty()) {
    FillFloats(window, columns, row);
  } else {
    FillMixed(window, columns, row);
  }
}

std::optional<std::string_view> OneName(const VectorSelector& selector) {
  for (const model::Matcher& m : selector.matchers) {
    if (m.name() == model::kMetricName && m.type() == model::MatchType::kEqual) return m.value();
  }
  return std::nullopt;
}

Status ReadSeries(
    const ExecContext& ctx, const SelectedSeries& series, const Strides& strides, std::size_t first,
    std::size_t count,
    const std::function<void(std::size_t, storage::SampleColumns&, std::size_t)>& fn) {
  const std::size_t portions = NumPortions(ctx, series, count);
  std::vector<Status> outcomes(portions);
  // A series with many steps takes long: a client that is gone, or a timeout, is seen after each.
  constexpr int kManySteps = 1000;
  const std::size_t unchecked = strides.grid.n < kManySteps ? 64 : 1;
  ctx.ParallelFor(portions, [&](std::size_t p) {
    storage::SampleColumns columns;
    const std::size_t begin = count * p / portions, end = count * (p + 1) / portions;
    for (std::size_t i = begin; i < end && outcomes[p]; ++i) {
      columns.Clear();
      outcomes[p] = series.set->Read(first + i, series.mint, series.maxt, columns);
      if (!columns.histograms.empty() && (columns.chained || series.histogram_stats)) {
        const std::vector<std::size_t> landings = Landings(columns, strides);
        if (columns.chained) ForgetResets(columns.histograms, landings);
        if (series.histogram_stats) KeepStatsOnly(columns.histograms, landings);
      }
      if (outcomes[p]) fn(i, columns, p);
      if (i % unchecked == unchecked - 1 && outcomes[p]) outcomes[p] = ctx.Check();
    }
  });
  for (Status& outcome : outcomes) {
    if (outcome) continue;
    const Code code = outcome.error().code();
    if (code == Code::kCancelled || code == Code::kTimeout) return outcome;
    return Fail(Code::kExecution, "expanding series: " + outcome.error().message());
  }
  return {};
}

Result<OperatorPtr> BuildInstantSelector(const VectorSelector& selector, SamplePart part,
                                         const Grid& grid, ExecContext& ctx) {
  InstantWindow window;
  window.grid = grid;
  window.lookback_ms = ctx.lookback_ms;
  window.time = EvalTimes(selector.time);
  window.part = part;
  // As upstream: timestamp(x @ T offset D) looks at T, among the samples that were read for T - D;
  // so does start_timestamp.
  if (part != SamplePart::kValue && window.time.fixed) window.time.offset_ms = 0;
  return OperatorPtr(std::make_unique<SelectorOperator>(selector, window, ctx));
}

}  // namespace narthex::promql
