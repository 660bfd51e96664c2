// SPDX-License-Identifier: Apache-2.0
//
// Whether a native histogram is one: buckets, spans and count fit each other.
#pragma once

#include <string>

#include "narthex/model/histogram.h"

namespace narthex::tsdb {

/// What is wrong with it, in Prometheus's words; empty when it is valid, and nothing is allocated
/// then. Source: Prometheus Histogram.Validate and FloatHistogram.Validate. What no chunk can hold
/// is not valid either (tsdb/chunkenc/histogram_limits.h).
std::string ProblemOf(const model::Histogram& h);
std::string ProblemOf(const model::FloatHistogram& h);

template <typename H>
bool IsValidHistogram(const H& h) {
  return ProblemOf(h).empty();
}

}  // namespace narthex::tsdb
