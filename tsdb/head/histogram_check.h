// SPDX-License-Identifier: Apache-2.0
//
// Whether a native histogram is one: buckets, spans and count fit each other.
#pragma once

#include "narthex/model/histogram.h"

namespace narthex::tsdb {

/// Source: Prometheus Histogram.Validate and FloatHistogram.Validate. What no chunk can hold is not
/// valid either (tsdb/chunkenc/histogram_limits.h).
bool IsValidHistogram(const model::Histogram& h);
bool IsValidHistogram(const model::FloatHistogram& h);

}  // namespace narthex::tsdb
