// SPDX-License-Identifier: Apache-2.0
//
// Histograms of OpenTelemetry as native histograms.
#pragma once

#include <optional>
#include <string>

#include "narthex/base/result.h"
#include "narthex/model/histogram.h"
#include "narthex/proto/otlp.h"

namespace narthex::remote {

/// Of an exponential histogram. `h` keeps the memory of its vectors.
/// @param gauge  the point has delta temporality, so that a fall of its counts means nothing
/// Errors: kInvalidArgument, when the scale is coarser than native histograms have it.
Status ExponentialToNative(const proto::OtlpPoint& point, bool gauge, model::Histogram& h);

/// Of a histogram with bounds, which become its custom buckets.
void ExplicitToNative(const proto::OtlpPoint& point, bool gauge, model::Histogram& h);

/// What is odd about a point, for the log; "" = nothing.
std::string HistogramOddity(const proto::OtlpPoint& point, const model::Histogram& h,
                            bool exponential);

}  // namespace narthex::remote
