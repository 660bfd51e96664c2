// SPDX-License-Identifier: Apache-2.0
//
// changes and resets: how often neighbouring samples differ, or a counter fell.
#include <cmath>

#include "narthex/model/float_histogram.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

/// Running count of events up to each sample, so that a window's count is one subtraction.
template <typename Event>
void CountInWindows(const RangeCall& call, const RangeSeries& series, RowRef row, Event event) {
  std::vector<std::uint32_t> before(series.v.size() + 1, 0);
  for (std::size_t i = 1; i < series.v.size(); ++i) {
    before[i] = before[i - 1] + event(series.v[i - 1], series.v[i]);
  }
  for (int s = 0; s < call.window.grid.n; ++s) {
    const std::uint32_t lo = series.lo[s], hi = series.hi[s];
    if (hi > lo) row.Set(s, before[hi - 1] - before[lo]);
  }
}

/// Both kinds of samples in order of time; a change of kind is an event.
template <typename FloatEvent, typename HistogramEvent>
void CountMixed(const RangeCall& call, const RangeSeries& series, RowRef row,
                FloatEvent float_event, HistogramEvent histogram_event) {
  for (int s = 0; s < call.window.grid.n; ++s) {
    std::size_t i = series.lo[s], j = series.hlo[s];
    const std::size_t i_end = series.hi[s], j_end = series.hhi[s];
    if (i == i_end && j == j_end) continue;
    double count = 0;
    const double* prev_v = nullptr;
    const model::FloatHistogram* prev_h = nullptr;
    while (i < i_end || j < j_end) {
      const bool is_float = i < i_end && (j == j_end || series.t[i] <= series.ht[j]);
      if (is_float) {
        const double* v = &series.v[i++];
        if (prev_h != nullptr || (prev_v != nullptr && float_event(*prev_v, *v))) count += 1;
        prev_v = v;
        prev_h = nullptr;
      } else {
        const model::FloatHistogram* h = &series.h[j++];
        if (prev_v != nullptr || (prev_h != nullptr && histogram_event(*prev_h, *h))) count += 1;
        prev_h = h;
        prev_v = nullptr;
      }
    }
    row.Set(s, count);
  }
}

bool Differ(double a, double b) { return a != b && !(std::isnan(a) && std::isnan(b)); }
bool Fell(double a, double b) { return b < a; }

}  // namespace

void ChangesKernel(const RangeCall& call, const RangeSeries& series, RowRef row,
                   storage::Annotations&) {
  if (series.h.empty()) return CountInWindows(call, series, row, Differ);
  CountMixed(call, series, row, Differ,
             [](const auto& a, const auto& b) { return !model::SameHistogram(a, b); });
}

void ResetsKernel(const RangeCall& call, const RangeSeries& series, RowRef row,
                  storage::Annotations&) {
  if (series.h.empty()) return CountInWindows(call, series, row, Fell);
  CountMixed(call, series, row, Fell,
             [](const auto& a, const auto& b) { return model::DetectReset(b, a); });
}

}  // namespace narthex::promql
