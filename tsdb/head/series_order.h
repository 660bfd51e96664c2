// SPDX-License-Identifier: Apache-2.0
//
// Sorting the head's series by their labels, for readers of many series at once.
#pragma once

#include <span>

#include "tsdb/head/head_index.h"
#include "tsdb/head/label_store.h"
#include "tsdb/postings.h"

namespace narthex::tsdb {

struct LabeledSeries {
  ArenaRef labels = 0;
  SeriesSlot slot = 0;
};

/// Puts series in Prometheus's order of label sets. Each label set appears once or in any order
/// among its equals. The caller keeps the sets alive.
void SortByLabels(const LabelStore& labels, std::span<LabeledSeries> series);
void SortByLabels(const HeadIndex& index, PostingList& ids);

}  // namespace narthex::tsdb
