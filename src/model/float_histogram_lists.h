// SPDX-License-Identifier: Apache-2.0
//
// Buckets of one side as a list, for the operations that change the layout.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "narthex/model/histogram.h"

namespace narthex::model {

struct IndexedCount {
  std::int32_t index = 0;
  double count = 0;
  double compensation = 0;  // Of a Kahan sum; else 0.
};
using BucketList = std::vector<IndexedCount>;  // Ascending, unique indexes.

BucketList UnpackBuckets(std::span<const Span> spans, std::span<const double> counts);

/// The inverse; every entry becomes a bucket, gaps become span offsets.
void PackBuckets(const BucketList& list, std::vector<Span>& spans, std::vector<double>& counts);

/// Where a bucket lies in a schema `shift` lower.
std::int32_t CoarserIndex(std::int32_t index, int shift);

/// Moves to a schema `shift` lower; counts are added as they are.
void MergeToCoarser(BucketList& list, int shift);

}  // namespace narthex::model
