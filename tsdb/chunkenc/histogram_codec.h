// SPDX-License-Identifier: Apache-2.0
//
// One sample of a histogram chunk, written and read against the state of the sample before it.
#pragma once

#include <cstdint>

#include "tsdb/chunkenc/bit_reader.h"
#include "tsdb/chunkenc/bit_stream.h"
#include "tsdb/chunkenc/histogram.h"

namespace narthex::tsdb {

/// A sample whose sum is the stale marker has no buckets and an empty layout.
void WriteFirst(BitWriter& out, IntHistogramState& state, model::TimestampMs t,
                const model::Histogram& h);
void WriteFirst(BitWriter& out, FloatHistogramState& state, model::TimestampMs t,
                const model::FloatHistogram& h);
/// The histogram's buckets are those of the chunk's layout, or none when it is stale.
void WriteNext(BitWriter& out, IntHistogramState& state, model::TimestampMs t,
               const model::Histogram& h);
void WriteNext(BitWriter& out, FloatHistogramState& state, model::TimestampMs t,
               const model::FloatHistogram& h);

void ReadFirst(BitReader& in, IntHistogramState& state, std::size_t num_buckets);
void ReadFirst(BitReader& in, FloatHistogramState& state, std::size_t num_buckets);
void ReadNext(BitReader& in, IntHistogramState& state);
void ReadNext(BitReader& in, FloatHistogramState& state);

/// The sample as a histogram, without a hint; a stale one has nothing but its sum.
model::Histogram ToHistogram(const HistogramLayout& layout, const IntHistogramState& state);
model::FloatHistogram ToHistogram(const HistogramLayout& layout, const FloatHistogramState& state);
/// Likewise, as floats.
model::FloatHistogram ToFloatHistogram(const HistogramLayout& layout,
                                       const IntHistogramState& state);
model::FloatHistogram ToFloatHistogram(const HistogramLayout& layout,
                                       const FloatHistogramState& state);

}  // namespace narthex::tsdb
