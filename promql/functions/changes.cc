// SPDX-License-Identifier: Apache-2.0
//
// changes and resets: how often neighbouring samples differ, or a counter fell.
#include <cmath>

#include "narthex/model/float_histogram.h"
#include "promql/functions/range_function.h"
#include "promql/functions/start_reset.h"

namespace narthex::promql {
namespace {

/// First samples that count at a step. An anchored window reaches back to the last sample at or
/// before its start, of whichever kind that is.
struct First {
  std::uint32_t i, j;  // Float, histogram.
};

/// @return false when nothing lies after the start of an anchored window
bool FindFirst(const RangeCall& call, const RangeSeries& series, int s, First& first) {
  const bool histograms = !series.h.empty();
  first = {series.lo[s], histograms ? series.hlo[s] : 0};
  const std::uint32_t i_end = series.hi[s], j_end = histograms ? series.hhi[s] : 0;
  if (first.i == i_end && first.j == j_end) return false;
  if (!call.window.anchored) return true;
  const model::TimestampMs start = call.window.Start(s);
  const std::uint32_t i_begin = first.i, j_begin = first.j;
  while (first.i < i_end && series.t[first.i] <= start) ++first.i;
  while (first.j < j_end && series.ht[first.j] <= start) ++first.j;
  if (first.i == i_end && first.j == j_end) return false;
  const bool float_before = first.i > i_begin, histogram_before = first.j > j_begin;
  if (float_before && (!histogram_before || series.t[first.i - 1] >= series.ht[first.j - 1])) {
    --first.i;
  } else if (histogram_before) {
    --first.j;
  }
  return true;
}

// Events are told by the index of the later one of two neighbours of a kind.

/// Running count of events up to each sample, so that a window's count is one subtraction.
template <typename Event>
void CountInWindows(const RangeCall& call, const RangeSeries& series, RowRef row, Event event) {
  std::vector<std::uint32_t> before(series.v.size() + 1, 0);
  for (std::size_t i = 1; i < series.v.size(); ++i) {
    before[i] = before[i - 1] + event(i);
  }
  for (int s = 0; s < call.window.grid.n; ++s) {
    First first;
    if (FindFirst(call, series, s, first)) {
      row.Set(s, before[series.hi[s] - 1] - before[first.i]);
    }
  }
}

/// Both kinds of samples in order of time; a change of kind is an event.
template <typename FloatEvent, typename HistogramEvent>
void CountMixed(const RangeCall& call, const RangeSeries& series, RowRef row,
                FloatEvent float_event, HistogramEvent histogram_event) {
  for (int s = 0; s < call.window.grid.n; ++s) {
    First first;
    if (!FindFirst(call, series, s, first)) continue;
    std::size_t i = first.i, j = first.j;
    const std::size_t i_end = series.hi[s], j_end = series.hhi[s];
    double count = 0;
    enum class Prev : std::uint8_t { kNone, kFloat, kHistogram } prev = Prev::kNone;
    while (i < i_end || j < j_end) {
      const bool is_float = i < i_end && (j == j_end || series.t[i] <= series.ht[j]);
      if (is_float) {
        if (prev == Prev::kHistogram || (prev == Prev::kFloat && float_event(i))) count += 1;
        prev = Prev::kFloat;
        ++i;
      } else {
        if (prev == Prev::kFloat || (prev == Prev::kHistogram && histogram_event(j))) count += 1;
        prev = Prev::kHistogram;
        ++j;
      }
    }
    row.Set(s, count);
  }
}

bool Differ(double a, double b) { return a != b && !(std::isnan(a) && std::isnan(b)); }

}  // namespace

void ChangesKernel(const RangeCall& call, const RangeSeries& series, RowRef row,
                   storage::Annotations&) {
  const auto floats = [&](std::size_t i) { return Differ(series.v[i - 1], series.v[i]); };
  if (series.h.empty()) return CountInWindows(call, series, row, floats);
  CountMixed(call, series, row, floats,
             [&](std::size_t j) { return !model::SameHistogram(series.h[j - 1], series.h[j]); });
}

void ResetsKernel(const RangeCall& call, const RangeSeries& series, RowRef row,
                  storage::Annotations&) {
  const StartedSamples started{series.t, series.starts};
  const StartedSamples started_histograms{series.ht, series.hstarts};
  const auto floats = [&](std::size_t i) {
    return series.v[i] < series.v[i - 1] || started.IsReset(i);
  };
  if (series.h.empty()) return CountInWindows(call, series, row, floats);
  CountMixed(call, series, row, floats, [&](std::size_t j) {
    return started_histograms.IsReset(j) || model::DetectReset(series.h[j], series.h[j - 1]);
  });
}

}  // namespace narthex::promql
