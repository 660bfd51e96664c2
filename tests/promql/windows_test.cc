// SPDX-License-Identifier: Apache-2.0
//
// Windows, and the kernels that take short cuts over many of them, against the plain way: the bits
// must be the same.
#include <bit>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "promql/exec/advance.h"
#include "promql/exec/range_source.h"
#include "promql/functions/kahan_windows.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kMax = std::numeric_limits<double>::max();

using Times = std::vector<model::TimestampMs>;

/// A series, steps over it, and the row of a kernel.
class Fixture {
 public:
  Fixture(Times t, std::vector<double> v, model::DurationMs range_ms, model::DurationMs step_ms)
      : t_(std::move(t)), v_(std::move(v)) {
    window_.grid = {t_.front() + range_ms / 3, step_ms,
                    static_cast<int>((t_.back() - t_.front()) / step_ms) + 2};
    window_.range_ms = range_ms;
    ComputeWindows(window_, t_, lo_, hi_);
    series_.t = t_;
    series_.v = v_;
    series_.lo = lo_;
    series_.hi = hi_;
  }

  Fixture(const Fixture&) = delete;  // The series has views into it.
  Fixture& operator=(const Fixture&) = delete;

  /// Runs the kernel and compares every step with want(step), nullopt = no sample.
  template <typename Want>
  void Expect(RangeKernel kernel, FunctionId id, Want&& want,
              const std::vector<Scalars>& scalars = {}) const {
    const RangeCall call{window_, scalars, {}, id};
    Batch batch;
    batch.Reset(window_.grid.n, 1);
    storage::Annotations notes;
    kernel(call, series_, batch.row(0), notes);
    const RowRef row = batch.row(0);
    for (int s = 0; s < window_.grid.n; ++s) {
      const std::optional<double> expected = want(s);
      ASSERT_EQ(row.Has(s), expected.has_value()) << "step " << s;
      if (!expected) continue;
      ASSERT_EQ(std::isnan(row.v[s]), std::isnan(*expected)) << "step " << s;
      if (std::isnan(*expected)) continue;
      ASSERT_EQ(std::bit_cast<std::uint64_t>(row.v[s]), std::bit_cast<std::uint64_t>(*expected))
          << "step " << s << ": " << row.v[s] << ", want " << *expected;
    }
  }

  const RangeWindow& window() const { return window_; }
  const RangeSeries& series() const { return series_; }
  std::span<const double> Values(int s) const {
    return series_.v.subspan(lo_[s], series_.FloatCount(s));
  }
  std::span<const model::TimestampMs> TimesOf(int s) const {
    return series_.t.subspan(lo_[s], series_.FloatCount(s));
  }

 private:
  const Times t_;
  const std::vector<double> v_;
  RangeWindow window_;
  std::vector<std::uint32_t> lo_, hi_;
  RangeSeries series_;
};

/// Series of many shapes: even, jittered and broken intervals; counters, full precision, constants,
/// values that are not finite or overflow.
std::deque<Fixture> Fixtures() {
  std::mt19937_64 random(11);
  std::deque<Fixture> all;
  for (int i = 0; i < 120; ++i) {
    Times t;
    std::vector<double> v;
    model::TimestampMs at = 1'700'000'000'000 + static_cast<int>(random() % 1000);
    double value = static_cast<double>(random() % 1000);
    const int n = 2 + static_cast<int>(random() % (i % 5 == 0 ? 900 : 400));
    for (int k = 0; k < n; ++k) {
      t.push_back(at);
      v.push_back(value);
      at += 15'000;
      if (i % 3 == 1) at += static_cast<int>(random() % 7) - 3;
      if (i % 3 == 2 && random() % 20 == 0) at += 15'000 * static_cast<int>(1 + random() % 9);
      switch (i % 8) {
        case 0:
          value += static_cast<double>(random() % 100);
          if (random() % 30 == 0) value = static_cast<double>(random() % 3);
          break;
        case 1:
          value = std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 40) - 60);
          break;
        case 2:
          value = static_cast<double>(random() % 10'000) / 100 - 50;
          break;
        case 3:
          if (random() % 50 == 0) value += 0.1;
          break;
        case 4:
          value = random() % 40 == 0 ? kNan : random() % 40 == 0 ? kInf : -kInf;
          if (random() % 3 != 0) value = static_cast<double>(random() % 100);
          break;
        case 5:
          value = (random() % 2 == 0 ? kMax : -kMax) / static_cast<double>(1 + random() % 3);
          break;
        case 6:
          value = random() % 2 == 0 ? -0.0 : std::ldexp(1.0, -1074);
          break;
        default:
          value += static_cast<double>(random()) / 1e19;
      }
    }
    const model::DurationMs range =
        15'000 * static_cast<int>(1 + random() % (i % 5 == 0 ? 400 : 100));
    // Half of the steps keep in step with the samples.
    const int step = 1000 * static_cast<int>(1 + random() % 300);
    all.emplace_back(std::move(t), std::move(v), range, i % 2 == 0 ? step : 15 * step);
  }
  return all;
}

TEST(AdvanceTest, FindsWhatASearchFinds) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 300; ++round) {
    Times t;
    model::TimestampMs at = 0;
    for (std::size_t i = 0; i < random() % 60; ++i) t.push_back(at += 1 + random() % 9);
    Advance advance(t);
    model::TimestampMs bound = -3;
    for (int i = 0; i < 40; ++i) {
      bound += round % 2 == 0 ? 7 : static_cast<int>(random() % 25);
      const auto want = std::upper_bound(t.begin(), t.end(), bound) - t.begin();
      ASSERT_EQ(advance.To(bound), static_cast<std::size_t>(want));
    }
  }
}

TEST(WindowsTest, Sums) {
  for (const Fixture& f : Fixtures()) {
    f.Expect(SumOverTime, FunctionId::kSumOverTime, [&](int s) -> std::optional<double> {
      if (f.Values(s).empty()) return std::nullopt;
      KahanSum sum;
      for (const double v : f.Values(s)) sum.Add(v);
      return std::isinf(sum.sum) ? sum.sum : sum.Total();
    });
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(WindowsTest, Means) {
  for (const Fixture& f : Fixtures()) {
    f.Expect(AvgOverTime, FunctionId::kAvgOverTime, [&](int s) -> std::optional<double> {
      if (f.Values(s).empty()) return std::nullopt;
      KahanMean mean;
      for (const double v : f.Values(s)) mean.Add(v);
      return mean.Mean();
    });
    if (::testing::Test::HasFatalFailure()) return;
  }
}

/// The extreme of a window, by a look at each sample.
template <typename Better>
std::optional<double> Extreme(const Fixture& f, int s, bool time, Better better) {
  const auto v = f.Values(s);
  if (v.empty()) return std::nullopt;
  std::size_t best = 0;
  for (std::size_t i = 1; i < v.size(); ++i) {
    if (better(v[i], v[best]) || std::isnan(v[best])) best = i;
  }
  return time ? static_cast<double>(f.TimesOf(s)[best]) / 1000 : v[best];
}

TEST(WindowsTest, Extremes) {
  for (const Fixture& f : Fixtures()) {
    f.Expect(MinMaxOverTime, FunctionId::kMinOverTime,
             [&](int s) { return Extreme(f, s, false, std::less<>()); });
    f.Expect(MinMaxOverTime, FunctionId::kMaxOverTime,
             [&](int s) { return Extreme(f, s, false, std::greater<>()); });
    f.Expect(MinMaxOverTime, FunctionId::kTsOfMinOverTime,
             [&](int s) { return Extreme(f, s, true, std::less_equal<>()); });
    f.Expect(MinMaxOverTime, FunctionId::kTsOfMaxOverTime,
             [&](int s) { return Extreme(f, s, true, std::greater_equal<>()); });
    if (::testing::Test::HasFatalFailure()) return;
  }
}

struct Line {
  double slope, intercept;
};
Line Fit(std::span<const model::TimestampMs> t, std::span<const double> v,
         model::TimestampMs reference) {
  KahanSum x_sum, y_sum, xy_sum, xx_sum;
  bool constant = true;
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (i > 0 && v[i] != v[0]) constant = false;
    const double x = static_cast<double>(t[i] - reference) / 1e3;
    x_sum.Add(x);
    y_sum.Add(v[i]);
    xy_sum.Add(x * v[i]);
    xx_sum.Add(x * x);
  }
  if (constant) return std::isinf(v[0]) ? Line{kNan, kNan} : Line{0, v[0]};
  const auto n = static_cast<double>(v.size());
  const double sx = x_sum.Total(), sy = y_sum.Total();
  const double slope = (xy_sum.Total() - sx * sy / n) / (xx_sum.Total() - sx * sx / n);
  return {slope, sy / n - slope * sx / n};
}

TEST(WindowsTest, Lines) {
  for (const Fixture& f : Fixtures()) {
    f.Expect(DerivKernel, FunctionId::kDeriv, [&](int s) -> std::optional<double> {
      if (f.Values(s).size() < 2) return std::nullopt;
      return Fit(f.TimesOf(s), f.Values(s), f.TimesOf(s)[0]).slope;
    });
    const std::vector<Scalars> ahead = {
        Scalars(std::vector<double>(static_cast<std::size_t>(f.window().grid.n), 3600))};
    f.Expect(
        PredictLinearKernel, FunctionId::kPredictLinear,
        [&](int s) -> std::optional<double> {
          if (f.Values(s).size() < 2) return std::nullopt;
          const Line line = Fit(f.TimesOf(s), f.Values(s), f.window().grid.At(s));
          return line.slope * 3600 + line.intercept;
        },
        ahead);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

/// extrapolatedRate of Prometheus, a division at a time.
std::optional<double> Extrapolated(const Fixture& f, int s, bool counter, bool per_second) {
  const auto t = f.TimesOf(s);
  const auto v = f.Values(s);
  if (v.size() < 2) return std::nullopt;
  double result = v.back() - v.front();
  for (std::size_t i = 1; counter && i < v.size(); ++i) {
    if (v[i] < v[i - 1]) result += v[i - 1];
  }
  double to_start = static_cast<double>(t.front() - f.window().Start(s)) / 1000;
  double to_end = static_cast<double>(f.window().End(s) - t.back()) / 1000;
  const double sampled = static_cast<double>(t.back() - t.front()) / 1000;
  const double gap = sampled / static_cast<double>(v.size() - 1);
  if (to_start >= gap * 1.1) to_start = gap / 2;
  if (counter && result > 0 && v.front() >= 0) {
    to_start = std::min(to_start, sampled * (v.front() / result));
  }
  if (to_end >= gap * 1.1) to_end = gap / 2;
  double factor = sampled == 0 ? 1 : (sampled + to_start + to_end) / sampled;
  if (per_second) factor /= static_cast<double>(f.window().range_ms) / 1000;
  return result * factor;
}

TEST(WindowsTest, Rates) {
  for (const Fixture& f : Fixtures()) {
    f.Expect(RateKernel, FunctionId::kRate, [&](int s) { return Extrapolated(f, s, true, true); });
    f.Expect(RateKernel, FunctionId::kIncrease,
             [&](int s) { return Extrapolated(f, s, true, false); });
    f.Expect(RateKernel, FunctionId::kDelta,
             [&](int s) { return Extrapolated(f, s, false, false); });
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace narthex::promql
