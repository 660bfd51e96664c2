// SPDX-License-Identifier: Apache-2.0
//
// Whether a native histogram is one: buckets, spans and count fit each other.
#pragma once

#include "narthex/model/histogram.h"

namespace narthex::tsdb {

/// Source: Prometheus Histogram.Validate and FloatHistogram.Validate. Histograms of thousands of
/// buckets, which no chunk of the head could hold, are not valid either.
bool IsValidHistogram(const model::Histogram& h);
bool IsValidHistogram(const model::FloatHistogram& h);

}  // namespace narthex::tsdb
