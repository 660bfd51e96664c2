// SPDX-License-Identifier: Apache-2.0
//
// Text to syntax tree. All functions: thread safety any thread; errors kInvalidArgument with
// Prometheus's text "LINE:COL: parse error: MESSAGE" (first error only, columns in bytes from 1).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/promql/ast.h"
#include "narthex/promql/features.h"

namespace narthex::promql {

/// A whole expression with checked types. Nothing in the tree points into `query`.
Result<ExprPtr> ParseExpr(std::string_view query, const Features& features);

/// One selector without modifiers, as match[] has it: `up{job="a"}`.
Result<std::vector<model::Matcher>> ParseMetricSelector(std::string_view text);

/// A series: `up{job="a"}`; the braces or the name may be missing.
Result<model::Labels> ParseMetric(std::string_view text);

/// One value of a series description.
struct SequenceValue {
  bool omitted = false;  // "_": no sample.
  double value = 0;      // Also the stale marker.
  std::optional<model::FloatHistogram> histogram;
  bool hint_given = false;  // The histogram names its counter_reset_hint.
};
struct SeriesDescription {
  model::Labels labels;
  std::vector<SequenceValue> values;
};

/// A series with values, as test scripts and rule unit tests write them: `up{job="a"} 1 _ 2+3x4`.
Result<SeriesDescription> ParseSeriesDescription(std::string_view text);

}  // namespace narthex::promql
