// SPDX-License-Identifier: Apache-2.0
//
// Native histograms of targets, kept to a resolution and a number of buckets.
#pragma once

#include <cstdint>

#include "narthex/model/histogram.h"

namespace narthex::scrape {

/// The finest schema whose buckets grow by at least `factor` (native_histogram_min_bucket_factor).
std::int32_t FinestSchema(double factor);

/// Makes a histogram coarser until it keeps to both limits.
/// @param max_buckets  0 = no limit
/// @return false when it has too many buckets at the coarsest schema, or bounds of its own
bool LimitHistogram(model::AnyHistogram& histogram, std::int32_t finest_schema,
                    std::uint64_t max_buckets);

}  // namespace narthex::scrape
