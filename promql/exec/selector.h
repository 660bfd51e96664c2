// SPDX-License-Identifier: Apache-2.0
//
// Reading selected series, shared by instant and range selectors.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "promql/exec/operator.h"

namespace narthex::promql {

/// Where a selector looks at a step: a fixed time (@) or the step's, less the offset.
struct EvalTimes {
  EvalTimes() = default;
  explicit EvalTimes(const TimeModifiers& modifiers)
      : fixed(modifiers.at != AtKind::kNone),
        fixed_ms(modifiers.at_ms),
        offset_ms(modifiers.offset_ms) {}

  model::TimestampMs At(model::TimestampMs step_time) const {
    return (fixed ? fixed_ms : step_time) - offset_ms;
  }

  bool fixed = false;
  model::TimestampMs fixed_ms = 0;
  model::DurationMs offset_ms = 0;
};

/// What of a sample an instant selector takes: beside the value the times, in seconds.
enum class SamplePart : std::uint8_t { kValue, kTime, kStartTime };

struct InstantWindow {
  Grid grid;
  EvalTimes time;
  model::DurationMs lookback_ms = 0;
  SamplePart part = SamplePart::kValue;

  model::TimestampMs At(int s) const { return time.At(grid.At(s)); }
  static double Seconds(model::TimestampMs t) { return static_cast<double>(t) / 1000; }
};

/// The newest sample within the lookback window at every step. Takes histograms out of `columns`.
void FillInstantRow(const InstantWindow& window, storage::SampleColumns& columns, RowRef row);

/// How upstream's iterator goes over a series: from step to step, and with a leap over what lies
/// more than the reach before a step.
struct Strides {
  Grid grid;
  EvalTimes time;
  model::DurationMs ahead_ms = 0;  // The iterator goes to this much after each step.
  model::DurationMs first_reach_ms = 0;
  model::DurationMs reach_ms = 0;
};

/// Decodes series first … first+count-1 on the pool and calls fn(i, columns, portion) for each,
/// i counted from 0; calls of equal portion come from one thread, in order.
Status ReadSeries(const ExecContext& ctx, const SelectedSeries& series, const Strides& strides,
                  std::size_t first, std::size_t count,
                  const std::function<void(std::size_t, storage::SampleColumns&, std::size_t)>& fn);

/// The metric name that all selected series have.
std::optional<std::string_view> OneName(const VectorSelector& selector);

Result<OperatorPtr> BuildInstantSelector(const VectorSelector& selector, SamplePart part,
                                         const Grid& grid, ExecContext& ctx);

}  // namespace narthex::promql
