// SPDX-License-Identifier: Apache-2.0
//
// Several series sets as one.
#pragma once

#include <memory>
#include <vector>

#include "narthex/storage/querier.h"

namespace narthex::storage {

/// Merges sets by labels; series with equal labels become one whose samples are merged by time.
/// Of samples with the same time, the one of the later set in `sets` stays.
std::unique_ptr<SeriesSet> MergeSeriesSets(std::vector<std::unique_ptr<SeriesSet>> sets);

/// Several queriers (head, blocks, remote) as one.
std::unique_ptr<Querier> MergeQueriers(std::vector<std::unique_ptr<Querier>> queriers);

/// Merges two column sets by time into `out` (replaced, neither a nor b); of equal times the sample
/// of `b` stays. A histogram whose neighbour came from the other set loses its reset hint (gauges
/// keep theirs), as in Prometheus.
void MergeColumns(const SampleColumns& a, const SampleColumns& b, SampleColumns& out);

/// MergeColumns(columns, later) into `columns`; only appends when `later` begins after its end.
/// `later` and `scratch` are left with unspecified content.
void AppendOrMerge(SampleColumns& columns, SampleColumns& later, SampleColumns& scratch);

}  // namespace narthex::storage
