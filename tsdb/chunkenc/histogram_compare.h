// SPDX-License-Identifier: Apache-2.0
//
// Histograms compared with the last one of a chunk, and moved into its buckets. H is
// model::Histogram or model::FloatHistogram, State what a chunk knows of its last sample.
#pragma once

#include "tsdb/chunkenc/histogram.h"

namespace narthex::tsdb {

/// Whether a histogram is written with the chunk's buckets, in the same words.
template <typename H>
bool SameSpans(const HistogramLayout& layout, const H& h) {
  return layout.positive_spans == h.positive_spans && layout.negative_spans == h.negative_spans;
}
/// SameSpans, and the last sample has as many buckets (a stale one has none).
template <typename State, typename H>
bool SameBuckets(const HistogramLayout& layout, const State& last, const H& h) {
  return SameSpans(layout, h) &&
         last.buckets.size() == h.positive_buckets.size() + h.negative_buckets.size();
}

/// The layout with the buckets of `h` too, in the words of `h` where Prometheus takes them over.
template <typename H>
HistogramLayout Wider(const HistogramLayout& layout, const H& h);
/// Whether a layout that Wider made of the other has buckets that the other lacks.
bool HasMoreBuckets(const HistogramLayout& wider, const HistogramLayout& layout);
/// Moves a histogram's buckets into a layout that has them all.
template <typename H>
void Widen(H& h, const HistogramLayout& layout);

/// Whether the number of observations fell.
bool CountFell(const IntHistogramState& last, const model::Histogram& h);
bool CountFell(const FloatHistogramState& last, const model::FloatHistogram& h);

/// Whether the count, the zero bucket or any bucket fell or vanished with something in it.
template <typename H>
bool AnyCountFell(const H& last, const H& h);
/// The same for SameBuckets, without making anything.
bool AnyCountFell(const IntHistogramState& last, const model::Histogram& h);
bool AnyCountFell(const FloatHistogramState& last, const model::FloatHistogram& h);

/// Whether all counts are equal; needs SameBuckets.
bool SameCounts(const IntHistogramState& last, const model::Histogram& h);
bool SameCounts(const FloatHistogramState& last, const model::FloatHistogram& h);

}  // namespace narthex::tsdb
