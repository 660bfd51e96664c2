// SPDX-License-Identifier: Apache-2.0
//
// Samples of known series that wait to be appended as one column.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "narthex/model/metadata.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/appender.h"
#include "scrape/loop/series_cache.h"

namespace narthex::scrape {

struct SampleBatch {
  static constexpr std::size_t kCapacity = 512;  // Stays in the first-level cache.

  /// Where a sample came from, to read its labels again should the storage have lost its series.
  struct Item {
    SeriesCache::Index series = 0;
    model::MetricType type = model::MetricType::kUnknown;
    std::size_t line = 0;  // Offset in the body.
  };

  std::size_t size = 0;
  std::array<storage::SeriesRef, kCapacity> refs;
  std::array<double, kCapacity> values;
  std::array<storage::AppendError, kCapacity> outcomes;
  std::array<Item, kCapacity> items;
  std::array<model::TimestampMs, kCapacity> starts;  // Where start times are wanted.

  bool full() const { return size == kCapacity; }
  /// Of the sample that is added next.
  void SetStart(model::TimestampMs start) { starts[size] = start; }
  void Add(storage::SeriesRef ref, double value, const Item& item) {
    refs[size] = ref;
    values[size] = value;
    items[size] = item;
    ++size;
  }
};

}  // namespace narthex::scrape
