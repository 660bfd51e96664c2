// SPDX-License-Identifier: Apache-2.0
//
// rate, increase, delta: difference over the window, corrected for counter resets and extrapolated
// to the window's ends. irate, idelta: the last two samples.
#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "promql/exec/lanes.h"
#include "promql/functions/range_function.h"
#include "promql/functions/start_reset.h"

namespace narthex::promql {
namespace {

struct Extrapolation {
  model::TimestampMs range_start, range_end, first_t, last_t;
  model::TimestampMs zero;  // Where the count was zero before the first sample; 0 = not known.
  std::size_t gaps;         // Samples less one.
  double first, result;     // First value, or count of the first histogram; and the increase of it.
  bool counter;
  bool per_second;
  double range_seconds;
};

/// By which factor the raw increase is multiplied. The order of operations is Prometheus's. Windows
/// of a regular series look alike, so what follows from their times is kept from one to the
/// next: the divisions cost more than all the rest.
class Extrapolator {
 public:
  double Factor(const Extrapolation& x) {
    if (x.zero != 0) return FromZero(x);
    const Times times{x.first_t - x.range_start, x.range_end - x.last_t, x.last_t - x.first_t,
                      x.gaps};
    if (!known_ || !(times == times_)) Learn(times, x);
    if (!x.counter || !(x.result > 0) || !(x.first >= 0)) return factor_;
    // A counter can't have been below zero: extrapolate no further back than to there. Without a
    // division: it had at least the same increase before, over a longer time than is extrapolated.
    if (x.first >= x.result && sampled_ >= to_start_) return factor_;
    const double to_zero = sampled_ * (x.first / x.result);
    return to_zero < to_start_ ? FactorOf(to_zero, x) : factor_;
  }

 private:
  struct Times {
    model::DurationMs to_start, to_end, sampled;
    std::size_t gaps;
    bool operator==(const Times&) const = default;
  };

  /// The increase began at zero within the window: there is nothing before it to extrapolate to.
  static double FromZero(const Extrapolation& x) {
    const double sampled = static_cast<double>(x.last_t - x.zero) / 1000;
    const double average_gap = x.gaps == 0 ? 0
                                           : static_cast<double>(x.last_t - x.first_t) / 1000 /
                                                 static_cast<double>(x.gaps);
    double to_end = static_cast<double>(x.range_end - x.last_t) / 1000;
    if (to_end >= average_gap * 1.1) to_end = average_gap / 2;
    const double factor = (sampled + to_end) / sampled;
    return x.per_second ? factor / x.range_seconds : factor;
  }

  void Learn(const Times& times, const Extrapolation& x) {
    known_ = true;
    times_ = times;
    to_start_ = static_cast<double>(times.to_start) / 1000;
    to_end_ = static_cast<double>(times.to_end) / 1000;
    sampled_ = static_cast<double>(times.sampled) / 1000;
    const double average_gap = sampled_ / static_cast<double>(times.gaps);
    const double threshold = average_gap * 1.1;
    if (to_start_ >= threshold) to_start_ = average_gap / 2;
    if (to_end_ >= threshold) to_end_ = average_gap / 2;
    factor_ = FactorOf(to_start_, x);
  }

  double FactorOf(double to_start, const Extrapolation& x) const {
    double factor = 1.0;
    if (sampled_ != 0) factor = (sampled_ + to_start + to_end_) / sampled_;
    if (x.per_second) factor /= x.range_seconds;
    return factor;
  }

  Times times_{};
  bool known_ = false;
  double to_start_ = 0, to_end_ = 0, sampled_ = 0;  // Seconds.
  double factor_ = 0;
};

struct Kind {
  bool counter;
  bool per_second;
};
Kind KindOf(FunctionId id) {
  return {id == FunctionId::kRate || id == FunctionId::kIncrease, id == FunctionId::kRate};
}

constexpr std::size_t kBlock = 16;
/// Whether one of kBlock values is less than the one before it.
bool AnyFalls(const double* v) {
  return AnyPair<kBlock>(v, [v](std::size_t i, const Pair& x, PairMask& falls) {
    Pair before;
    std::memcpy(&before, v + i - 1, sizeof before);
    falls |= x < before;
  });
}

/// Indexes i with v[i] < v[i-1], or where the count began anew.
void FindResets(std::span<const double> v, const StartedSamples& started,
                std::vector<std::uint32_t>& resets) {
  const auto is_reset = [&](std::size_t i) { return v[i] < v[i - 1] || started.IsReset(i); };
  // Resets are rare: whole blocks are passed over.
  const bool only_falls = started.starts == nullptr;
  resets.clear();
  for (std::size_t i = 1; i < v.size(); i += kBlock) {
    const std::size_t end = std::min(i + kBlock, v.size());
    if (only_falls && end - i == kBlock && !AnyFalls(v.data() + i)) continue;
    for (std::size_t k = i; k < end; ++k) {
      if (is_reset(k)) resets.push_back(static_cast<std::uint32_t>(k));
    }
  }
}

/// Indexes of samples that claim to have begun within what the one before them counted.
void FindOverlaps(const StartedSamples& started, std::vector<std::uint32_t>& overlaps) {
  overlaps.clear();
  if (started.starts == nullptr) return;
  for (std::size_t i = 1; i < started.t.size(); ++i) {
    if (started.Overlaps(i)) overlaps.push_back(static_cast<std::uint32_t>(i));
  }
}

/// Whether the window [lo, hi) holds one of the overlaps together with the sample before it.
bool HasOverlap(const std::vector<std::uint32_t>& overlaps, std::uint32_t lo, std::uint32_t hi) {
  const auto it = std::upper_bound(overlaps.begin(), overlaps.end(), lo);
  return it != overlaps.end() && *it < hi;
}

void WarnOverlaps(const RangeCall& call, const RangeSeries& series, std::size_t windows,
                  storage::Annotations& notes) {
  if (windows == 0) return;
  notes.CountWarning(
      "PromQL warning: sample has start time that overlaps with previous sample timestamp for "
      "metric " +
          go::Quote(series.name),
      windows, call.position);
}

/// Of the windows without histograms.
void FloatRates(const RangeCall& call, const RangeSeries& series, RowRef row,
                storage::Annotations& notes) {
  const Kind kind = KindOf(call.id);
  Extrapolation x{};
  x.counter = kind.counter;
  x.per_second = kind.per_second;
  x.range_seconds = static_cast<double>(call.window.range_ms) / 1000;
  Extrapolator extrapolator;
  // Resets are found once per series; a window only walks over its own, which are few.
  static thread_local std::vector<std::uint32_t> resets;
  resets.clear();
  const StartedSamples started{series.t, kind.counter ? series.starts : nullptr};
  if (kind.counter) FindResets(series.v, started, resets);
  static thread_local std::vector<std::uint32_t> overlaps;
  FindOverlaps(started, overlaps);
  std::size_t overlapping = 0;
  std::size_t first_reset = 0;
  FillSteps(row, [&](int s, double& rate) {
    const std::uint32_t lo = series.lo[s], hi = series.hi[s];
    if (hi == lo || (!series.h.empty() && series.HistogramCount(s) > 0)) return false;
    x.zero = started.ZeroAt(lo, call.window.Start(s));
    if (hi - lo < 2 && x.zero == 0) return false;
    if (!overlaps.empty() && HasOverlap(overlaps, lo, hi)) ++overlapping;
    x.result = series.v[hi - 1] - series.v[lo];
    while (first_reset < resets.size() && resets[first_reset] <= lo) ++first_reset;
    for (std::size_t r = first_reset; r < resets.size() && resets[r] < hi; ++r) {
      x.result += series.v[resets[r] - 1];
    }
    if (x.zero != 0) x.result += series.v[lo];
    x.first = series.v[lo];
    x.first_t = series.t[lo];
    x.last_t = series.t[hi - 1];
    x.gaps = hi - lo - 1;
    x.range_end = call.window.End(s);
    x.range_start = call.window.Start(s);
    rate = x.result * extrapolator.Factor(x);
    return true;
  });
  WarnOverlaps(call, series, overlapping, notes);
}

void HistogramWindowRate(const RangeCall& call, const RangeSeries& series, int s, RowRef row,
                         storage::Annotations& notes) {
  const std::uint32_t lo = series.hlo[s], hi = series.hhi[s];
  const Kind kind = KindOf(call.id);
  const StartedSamples started{series.ht, kind.counter ? series.hstarts : nullptr};
  Extrapolation x{};
  x.zero = started.ZeroAt(lo, call.window.Start(s));
  if (hi - lo < 2 && x.zero == 0) return;
  model::FloatHistogram result;
  if (hi - lo == 1) {
    result = series.h[lo];
  } else {
    const HistogramPtr increase = HistogramRate(call, series, s, notes);
    if (increase == nullptr) return;
    for (std::uint32_t i = lo + 1; i < hi; ++i) {
      if (!started.Overlaps(i)) continue;
      WarnOverlaps(call, series, 1, notes);
      break;
    }
    result = *increase;
    x.result = increase->count;
    if (x.zero != 0) {
      const model::AddOutcome outcome = model::Add(result, series.h[lo]);
      if (!outcome.compatible) return WarnMixedBuckets(call, series, notes);
      if (outcome.bounds_reconciled) {
        notes.AddInfo("PromQL info: mismatched custom buckets were reconciled during addition",
                      call.position);
      }
    }
  }
  x.counter = kind.counter;
  x.per_second = kind.per_second;
  x.range_seconds = static_cast<double>(call.window.range_ms) / 1000;
  x.range_end = call.window.End(s);
  x.range_start = call.window.Start(s);
  x.first_t = series.ht[lo];
  x.last_t = series.ht[hi - 1];
  x.gaps = hi - lo - 1;
  x.first = series.h[lo].count;
  model::Multiply(result, Extrapolator().Factor(x));
  row.Set(s, std::move(result));
}

/// The last two samples of a window, of either kind.
struct Last {
  model::TimestampMs t = 0;
  double v = 0;
  const model::FloatHistogram* h = nullptr;
  model::TimestampMs start = 0;
};

bool LastTwo(const RangeSeries& series, int s, Last& a, Last& b) {
  Last found[2];
  std::size_t i = series.hi[s], j = series.h.empty() ? 0 : series.hhi[s];
  const std::size_t i_end = series.lo[s], j_end = series.h.empty() ? 0 : series.hlo[s];
  for (Last& last : found) {
    const bool has_float = i > i_end, has_histogram = j > j_end;
    if (!has_float && !has_histogram) return false;
    if (has_float && (!has_histogram || series.t[i - 1] >= series.ht[j - 1])) {
      --i;
      last = {series.t[i], series.v[i], nullptr, series.starts ? series.starts->At(i) : 0};
    } else {
      --j;
      last = {series.ht[j], 0, &series.h[j], series.hstarts ? series.hstarts->At(j) : 0};
    }
  }
  b = found[0];
  a = found[1];
  return true;
}

void InstantHistogramDelta(const RangeCall& call, const RangeSeries& series, int s, const Last& a,
                           const Last& b, RowRef row, storage::Annotations& notes) {
  using model::CounterResetHint;
  const bool rate = call.id == FunctionId::kIrate;
  const bool a_gauge = a.h->counter_reset_hint == CounterResetHint::kGauge;
  const bool b_gauge = b.h->counter_reset_hint == CounterResetHint::kGauge;
  if (rate && (a_gauge || b_gauge)) {
    notes.AddWarning(
        "PromQL warning: this native histogram metric is not a counter: " + go::Quote(series.name),
        call.position);
  }
  if (!rate && (!a_gauge || !b_gauge)) {
    notes.AddWarning(
        "PromQL warning: this native histogram metric is not a gauge: " + go::Quote(series.name),
        call.position);
  }
  model::FloatHistogram result = *b.h;
  if (!rate || (!IsStartReset(a.start, a.t, b.start, b.t) && !model::DetectReset(*b.h, *a.h))) {
    const model::AddOutcome outcome = model::Subtract(result, *a.h);
    if (!outcome.compatible) return WarnMixedBuckets(call, series, notes);
    if (outcome.bounds_reconciled) {
      notes.AddInfo("PromQL info: mismatched custom buckets were reconciled during subtraction",
                    call.position);
    }
  }
  result.counter_reset_hint = CounterResetHint::kGauge;
  model::Compact(result);
  if (rate) model::Divide(result, static_cast<double>(b.t - a.t) / 1000);
  row.Set(s, std::move(result));
}

}  // namespace

void RateKernel(const RangeCall& call, const RangeSeries& series, RowRef row,
                storage::Annotations& notes) {
  if (call.window.anchored || call.window.smoothed) {
    return ExtendedRateKernel(call, series, row, notes);
  }
  FloatRates(call, series, row, notes);
  if (series.h.empty()) return;
  for (int s = 0; s < call.window.grid.n; ++s) {
    if (series.HistogramCount(s) == 0) continue;
    if (series.FloatCount(s) > 0) {
      WarnMixed(call, series, notes);
    } else {
      HistogramWindowRate(call, series, s, row, notes);
    }
  }
}

void InstantDeltaKernel(const RangeCall& call, const RangeSeries& series, RowRef row,
                        storage::Annotations& notes) {
  const bool rate = call.id == FunctionId::kIrate;
  for (int s = 0; s < call.window.grid.n; ++s) {
    Last a, b;
    if (!LastTwo(series, s, a, b) || a.t == b.t) continue;
    if ((a.h == nullptr) != (b.h == nullptr)) {
      WarnMixed(call, series, notes);
      continue;
    }
    if (a.h != nullptr) {
      InstantHistogramDelta(call, series, s, a, b, row, notes);
      continue;
    }
    double result = b.v;
    if (!rate || (!(b.v < a.v) && !IsStartReset(a.start, a.t, b.start, b.t))) result = b.v - a.v;
    if (rate) result /= static_cast<double>(b.t - a.t) / 1000;
    row.Set(s, result);
  }
}

}  // namespace narthex::promql
