// SPDX-License-Identifier: Apache-2.0
//
// Sums of exponential histograms. Source: OpenTelemetry's data model
// (https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram) and
// deltatocumulativeprocessor of its collector.
#pragma once

#include <cstdint>

#include "narthex/proto/otlp.h"

namespace narthex::remote {

/// The part of a point that is added.
struct ExponentialCounts {
  std::int32_t scale = 0;
  std::uint64_t zero_count = 0;
  double zero_threshold = 0;
  proto::OtlpBuckets positive, negative;
};

/// Adds the buckets of `other` to those of `sum`, both at the coarser scale of the two, or at one
/// that is so coarse that the sum has no more than 160 buckets a side. Changes `other`.
void AddExponential(ExponentialCounts& sum, ExponentialCounts& other);

}  // namespace narthex::remote
