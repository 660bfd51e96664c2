// SPDX-License-Identifier: Apache-2.0
//
// Interpolation between two samples, for smoothed selectors.
#pragma once

#include <optional>

#include "narthex/model/histogram.h"
#include "narthex/model/timestamp.h"

namespace narthex::promql {

double Interpolate(model::TimestampMs t1, double v1, model::TimestampMs t2, double v2,
                   model::TimestampMs t, bool counter);

struct InterpolationNotes {
  bool subtraction_reconciled = false;
  bool addition_reconciled = false;
};
/// nullopt when one has exponential and the other custom buckets.
std::optional<model::FloatHistogram> InterpolateHistograms(
    model::TimestampMs t1, const model::FloatHistogram& h1, model::TimestampMs t2,
    const model::FloatHistogram& h2, model::TimestampMs t, bool counter, InterpolationNotes& notes);

}  // namespace narthex::promql
