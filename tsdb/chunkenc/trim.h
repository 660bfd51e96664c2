// SPDX-License-Identifier: Apache-2.0
//
// Cutting freshly decoded columns to a time range.
#pragma once

#include <cstddef>

#include "narthex/model/timestamp.h"
#include "narthex/storage/querier.h"

namespace narthex::tsdb {

/// Drops the float samples from index `base` on that lie outside [mint, maxt]. They ascend in time.
void TrimFloats(storage::SampleColumns& columns, std::size_t base, model::TimestampMs mint,
                model::TimestampMs maxt);

/// The same for histograms.
void TrimHistograms(storage::SampleColumns& columns, std::size_t base, model::TimestampMs mint,
                    model::TimestampMs maxt);

}  // namespace narthex::tsdb
