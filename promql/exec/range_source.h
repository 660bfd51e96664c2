// SPDX-License-Identifier: Apache-2.0
//
// Range vectors: series whose samples are looked at through a window that moves with the steps.
// They come from a selector with a range, or from the results of a subquery.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "promql/exec/operator.h"
#include "promql/exec/selector.h"

namespace narthex::promql {

/// One series and, for every step, which of its samples are in the window: [lo, hi). Stale markers
/// are gone. Times are as stored; the window of step s is (end(s) - range, end(s)].
struct RangeSeries {
  std::span<const model::TimestampMs> t;
  std::span<const double> v;
  std::span<const std::uint32_t> lo, hi;
  std::span<const model::TimestampMs> ht;
  std::span<const model::FloatHistogram> h;
  std::span<const std::uint32_t> hlo, hhi;
  // Start times of both kinds; null when there are none, or they are not to be used.
  const storage::StartTimes* starts = nullptr;
  const storage::StartTimes* hstarts = nullptr;
  std::string_view name;  // Metric name, for annotations; empty when its labels were left out.

  std::size_t FloatCount(int s) const { return hi[s] - lo[s]; }
  std::size_t HistogramCount(int s) const { return h.empty() ? 0 : hhi[s] - hlo[s]; }
};

struct RangeWindow {
  Grid grid;
  EvalTimes time;
  model::DurationMs range_ms = 0;
  model::DurationMs extend_left_ms = 0;   // anchored, smoothed: also samples outside the window.
  model::DurationMs extend_right_ms = 0;  // smoothed.
  bool anchored = false;
  bool smoothed = false;

  model::TimestampMs End(int s) const { return time.At(grid.At(s)); }
  model::TimestampMs Start(int s) const { return End(s) - range_ms; }
};

/// How upstream's buffer of a window moves.
inline Strides StridesOf(const RangeWindow& window) {
  const model::DurationMs reach = window.range_ms + window.extend_left_ms + window.extend_right_ms;
  return {window.grid, window.time, window.extend_right_ms, reach,
          std::min(reach, window.grid.step)};
}

/// Thread safety: Read, any thread.
class RangeSource {
 public:
  virtual ~RangeSource() = default;
  virtual std::size_t size() const = 0;
  /// Calls fn(i, labels, drop_name, series, portion) for count series from `first` on, on the pool.
  using Visitor = std::function<void(std::size_t, model::Labels, bool, const RangeSeries&,
                                     std::size_t portion)>;
  virtual Status Visit(std::size_t first, std::size_t count, const Visitor& fn) const = 0;
  /// Gives back what is held of the samples, after the last visit.
  virtual void Release() {}
  /// How many portions Visit may use.
  std::size_t max_portions = 1;
  RangeWindow window;
  bool one_name = false;
  bool is_subquery = false;
  /// Of series that have floats only, the visitor looks at no other labels than these, which
  /// ascend by name; null = at all.
  std::optional<std::span<const std::string>> only_labels;
};

/// From a matrix selector or a subquery. A subquery is evaluated here.
Result<std::unique_ptr<RangeSource>> BuildRangeSource(const Expr& expr, const Grid& grid,
                                                      ExecContext& ctx);

/// Removes stale markers from both kinds of samples.
void DropStale(storage::SampleColumns& columns);

/// Index ranges of the windows over rising times.
void ComputeWindows(const RangeWindow& window, std::span<const model::TimestampMs> times,
                    std::vector<std::uint32_t>& lo, std::vector<std::uint32_t>& hi);

}  // namespace narthex::promql
