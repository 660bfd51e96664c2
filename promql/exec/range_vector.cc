// SPDX-License-Identifier: Apache-2.0
//
// Range vectors as the value of a query: samples as they are stored.
#include <algorithm>
#include <atomic>

#include "narthex/model/float_histogram.h"
#include "promql/exec/matrix_source.h"
#include "promql/exec/range_source.h"
#include "promql/functions/extended.h"

namespace narthex::promql {
namespace {

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
  to.floats.reserve(series.FloatCount(0));
  for (std::size_t j = series.lo[0]; j < series.hi[0]; ++j) {
    to.floats.push_back({series.t[j], series.v[j]});
  }
  if (series.h.empty()) return;
  for (std::size_t j = series.hlo[0]; j < series.hhi[0]; ++j) {
    to.histograms.push_back({series.ht[j], series.h[j]});
  }
}

class RangeVectorSource final : public MatrixSource {
 public:
  RangeVectorSource(std::unique_ptr<RangeSource> series, const Grid& grid, ExecContext& ctx)
      : series_(std::move(series)), grid_(grid), ctx_(ctx), samples_held_(ctx) {}

  Status Next(Matrix& out, Holding& holding) override {
    out.clear();
    while (out.empty() && first_ < series_->size()) {
      NX_RETURN_IF_ERROR(ctx_.Check());
      out.resize(std::min(portion_, series_->size() - first_));
      NX_RETURN_IF_ERROR(Fill(out));
      first_ += out.size();
      NX_RETURN_IF_ERROR(Hold(out, holding));
      std::erase_if(out, [](const MatrixSeries& series) { return SampleCount(series) == 0; });
    }
    return out.empty() ? CheckKinds() : Status();
  }

 private:
  Status Fill(Matrix& out) {
    const RangeWindow& window = series_->window;
    return series_->Visit(
        first_, out.size(),
        [&](std::size_t i, model::Labels labels, bool, const RangeSeries& series, std::size_t) {
          if (series.HistogramCount(0) > 0) any_histogram_ = true;
          FillFromWindow(window, series, out[i]);
          out[i].metric = std::move(labels);
        });
  }

  Status Hold(const Matrix& out, Holding& holding) {
    std::int64_t all = 0;
    for (const MatrixSeries& series : out) {
      const std::int64_t samples = SampleCount(series);
      if (samples == 0) continue;
      NX_RETURN_IF_ERROR(ctx_.CountSamples(grid_, 0, samples, samples));
      NX_RETURN_IF_ERROR(samples_held_.AddSamples(samples));
      NX_RETURN_IF_ERROR(
          holding.AddBytes(static_cast<std::size_t>(samples) * sizeof(model::Sample)));
      all += samples;
    }
    ChoosePortion(static_cast<std::size_t>(all) / out.size());
    return {};
  }

  /// In portions, so that too much ends before it is all in memory; as many series as threads can
  /// share, but few where each has very many samples.
  void ChoosePortion(std::size_t samples_per_series) {
    constexpr std::size_t kMostSeries = 64, kSamples = std::size_t{1} << 18;
    portion_ = std::clamp<std::size_t>(kSamples / std::max<std::size_t>(samples_per_series, 1), 1,
                                       kMostSeries);
  }

  Status CheckKinds() const {
    const RangeWindow& window = series_->window;
    if (!any_histogram_ || (!window.anchored && !window.smoothed)) return {};
    return Fail(Code::kExecution, std::string(window.anchored ? "anchored" : "smoothed") +
                                      " modifier is not supported with histograms");
  }

  const std::unique_ptr<RangeSource> series_;
  const Grid grid_;
  ExecContext& ctx_;
  Holding samples_held_;  // Counted as if all were there until the end, as upstream has them.
  std::size_t first_ = 0;
  std::size_t portion_ = 4;  // Until it is known how long series are.
  std::atomic<bool> any_histogram_{false};
};

}  // namespace

Result<MatrixSourcePtr> MakeRangeVectorSource(const MatrixSelector& selector, const Grid& grid,
                                              ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(auto series, BuildRangeSource(selector, grid, ctx));
  return std::make_unique<RangeVectorSource>(std::move(series), grid, ctx);
}

}  // namespace narthex::promql
