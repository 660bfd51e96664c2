// SPDX-License-Identifier: Apache-2.0
//
// rate, increase and delta over anchored and smoothed ranges: no extrapolation, but a baseline from
// before the window (anchored) or values interpolated at its ends (smoothed).
#include <algorithm>
#include <optional>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "promql/functions/extended.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;
using model::TimestampMs;

/// Which samples count, as indexes into the extended window.
struct Bounds {
  std::size_t first, last;
};

/// The last sample at or before the start (else the first one), and the last sample; smoothed: the
/// first sample at or after the end. nullopt: nothing in the window.
std::optional<Bounds> FindBounds(std::span<const TimestampMs> t, TimestampMs start, TimestampMs end,
                                 bool smoothed) {
  std::size_t last = t.size() - 1;
  const auto searched = t.first(last);
  auto first = static_cast<std::size_t>(std::upper_bound(searched.begin(), searched.end(), start) -
                                        searched.begin());
  if (first > 0) --first;
  if (smoothed) {
    last = static_cast<std::size_t>(std::lower_bound(searched.begin(), searched.end(), end) -
                                    searched.begin());
  }
  if (t[last] <= start) return std::nullopt;
  if (smoothed && t[first] > end) return std::nullopt;
  return Bounds{first, last};
}

bool IsCounter(FunctionId id) { return id != FunctionId::kDelta; }

double FloatIncrease(const RangeCall& call, std::span<const TimestampMs> t,
                     std::span<const double> v, Bounds at, TimestampMs start, TimestampMs end) {
  const bool counter = IsCounter(call.id), smoothed = call.window.smoothed;
  auto [first, last] = at;
  const double left = smoothed && t[first] < start ? Interpolate(t[first], v[first], t[first + 1],
                                                                 v[first + 1], start, counter)
                                                   : v[first];
  const double right = smoothed && last > 0 && t[last] > end
                           ? Interpolate(t[last - 1], v[last - 1], t[last], v[last], end, counter)
                           : v[last];
  double result = right - left;
  if (!counter) return result;
  // Resets next to the ends are in the interpolated values already.
  if (t[first] <= start) ++first;
  std::size_t stop = last + 1;
  if (t[last] >= end) --stop;
  double prev = left, correction = 0;
  for (std::size_t i = first; i < stop; ++i) {
    if (v[i] < prev) correction += prev;
    prev = v[i];
  }
  if (right < prev) correction += prev;
  return result + correction;
}

/// Histogram arithmetic that tells what it met.
class HistogramMath {
 public:
  HistogramMath(const RangeCall& call, const RangeSeries& series, storage::Annotations& notes)
      : call_(call), series_(series), notes_(notes) {}

  bool Add(FloatHistogram& h, const FloatHistogram& other) {
    return Check(model::Add(h, other), "addition");
  }
  bool Subtract(FloatHistogram& h, const FloatHistogram& other) {
    return Check(model::Subtract(h, other), "subtraction");
  }
  /// The value at time t between two samples.
  std::optional<FloatHistogram> At(std::size_t i, std::size_t j, TimestampMs t, bool counter) {
    InterpolationNotes met;
    auto result = InterpolateHistograms(series_.ht[i], series_.h[i], series_.ht[j], series_.h[j], t,
                                        counter, met);
    if (!result) WarnMixedBuckets(call_, series_, notes_);
    if (met.subtraction_reconciled) NoteReconciled("subtraction");
    if (met.addition_reconciled) NoteReconciled("addition");
    return result;
  }
  void Warn(const char* kind) {
    notes_.AddWarning(std::string("PromQL warning: this native histogram metric is not a ") + kind +
                          ": " + go::Quote(series_.name),
                      call_.position);
  }

 private:
  bool Check(const model::AddOutcome& outcome, const char* operation) {
    if (!outcome.compatible) {
      WarnMixedBuckets(call_, series_, notes_);
      return false;
    }
    if (outcome.bounds_reconciled) NoteReconciled(operation);
    return true;
  }
  void NoteReconciled(const char* operation) {
    notes_.AddInfo(
        std::string("PromQL info: mismatched custom buckets were reconciled during ") + operation,
        call_.position);
  }

  const RangeCall& call_;
  const RangeSeries& series_;
  storage::Annotations& notes_;
};

bool IsGauge(const FloatHistogram& h) { return h.counter_reset_hint == CounterResetHint::kGauge; }

/// Sum of what was lost in resets between first and last. @return false when samples don't fit
bool AddResets(HistogramMath& math, std::span<const FloatHistogram> h,
               std::span<const TimestampMs> t, Bounds at, const FloatHistogram& left,
               const FloatHistogram& right, TimestampMs start, bool smoothed,
               FloatHistogram& result) {
  std::size_t first = at.first + 1;
  const FloatHistogram* prev = &left;
  if (smoothed && t[at.first] < start && model::DetectReset(h[at.first + 1], h[at.first])) {
    // The interpolation at the left end began anew at this reset.
    prev = &h[at.first + 1];
    ++first;
  }
  // The last sample is represented by `right`.
  if (first > at.last) return true;
  std::optional<FloatHistogram> correction;
  const auto add = [&](const FloatHistogram& lost) {
    if (correction) return math.Add(*correction, lost);
    correction = lost;
    return true;
  };
  for (std::size_t i = first; i < at.last; ++i) {
    if (model::DetectReset(h[i], *prev) && !add(*prev)) return false;
    prev = &h[i];
  }
  if (model::DetectReset(right, *prev) && !add(*prev)) return false;
  return !correction || math.Add(result, *correction);
}

void HistogramWindow(const RangeCall& call, const RangeSeries& series, int s, RowRef row,
                     storage::Annotations& notes) {
  const TimestampMs start = call.window.Start(s), end = call.window.End(s);
  const bool smoothed = call.window.smoothed, counter = IsCounter(call.id);
  const std::size_t lo = series.hlo[s], n = series.hhi[s] - lo;
  const auto t = series.ht.subspan(lo, n);
  const auto h = series.h.subspan(lo, n);
  const auto at = FindBounds(t, start, end, smoothed);
  if (!at) return;
  HistogramMath math(call, series, notes);
  for (std::size_t i = at->first; i <= at->last; ++i) {
    if (UsesCustomBuckets(h[i]) != UsesCustomBuckets(h[at->first])) {
      return WarnMixedBuckets(call, series, notes);
    }
    if (counter && IsGauge(h[i])) math.Warn("counter");
  }
  std::optional<FloatHistogram> left = h[at->first], right = h[at->last];
  if (smoothed && t[at->first] < start) {
    left = math.At(lo + at->first, lo + at->first + 1, start, counter);
  }
  if (smoothed && at->last > 0 && t[at->last] > end) {
    right = math.At(lo + at->last - 1, lo + at->last, end, counter);
  }
  if (!left || !right) return;
  if (!counter && (!IsGauge(*left) || !IsGauge(*right))) math.Warn("gauge");
  FloatHistogram result = *right;
  if (!math.Subtract(result, *left)) return;
  if (counter && !AddResets(math, h, t, *at, *left, *right, start, smoothed, result)) {
    return;
  }
  if (call.id == FunctionId::kRate) {
    model::Divide(result, static_cast<double>(call.window.range_ms) / 1000);
  }
  result.counter_reset_hint = CounterResetHint::kGauge;
  model::Compact(result);
  row.Set(s, std::move(result));
}

}  // namespace

double Interpolate(TimestampMs t1, double v1, TimestampMs t2, double v2, TimestampMs t,
                   bool counter) {
  // After a reset the counter began at 0.
  if (counter && v2 < v1) v1 = 0;
  return v1 + (v2 - v1) * static_cast<double>(t - t1) / static_cast<double>(t2 - t1);
}

std::optional<FloatHistogram> InterpolateHistograms(TimestampMs t1, const FloatHistogram& h1,
                                                    TimestampMs t2, const FloatHistogram& h2,
                                                    TimestampMs t, bool counter,
                                                    InterpolationNotes& notes) {
  if (t == t1) return h1;
  if (t == t2) return h2;
  if (UsesCustomBuckets(h1) != UsesCustomBuckets(h2)) return std::nullopt;
  const double fraction = static_cast<double>(t - t1) / static_cast<double>(t2 - t1);
  FloatHistogram result = h2;
  if (counter && model::DetectReset(h2, h1)) {
    model::Multiply(result, fraction);
    return result;
  }
  const model::AddOutcome subtracted = model::Subtract(result, h1);
  if (!subtracted.compatible) return std::nullopt;
  notes.subtraction_reconciled |= subtracted.bounds_reconciled;
  model::Multiply(result, fraction);
  notes.addition_reconciled |= model::Add(result, h1).bounds_reconciled;
  return result;
}

void ExtendedRateKernel(const RangeCall& call, const RangeSeries& series, RowRef row,
                        storage::Annotations& notes) {
  for (int s = 0; s < call.window.grid.n; ++s) {
    const std::size_t floats = series.FloatCount(s), histograms = series.HistogramCount(s);
    if (floats > 0 && histograms > 0) {
      WarnMixed(call, series, notes);
    } else if (histograms > 0) {
      HistogramWindow(call, series, s, row, notes);
    } else if (floats > 0) {
      const auto t = series.t.subspan(series.lo[s], floats);
      const auto v = series.v.subspan(series.lo[s], floats);
      const TimestampMs start = call.window.Start(s), end = call.window.End(s);
      const auto at = FindBounds(t, start, end, call.window.smoothed);
      if (!at) continue;
      double result = FloatIncrease(call, t, v, *at, start, end);
      if (call.id == FunctionId::kRate) {
        result /= static_cast<double>(call.window.range_ms) / 1000;
      }
      row.Set(s, result);
    }
  }
}

}  // namespace narthex::promql
