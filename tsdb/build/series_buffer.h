// SPDX-License-Identifier: Apache-2.0
//
// Series in memory on their way into a block.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "narthex/model/labels.h"
#include "narthex/model/sample.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/head/chunk_store.h"
#include "tsdb/head/mem_series.h"

namespace narthex::tsdb {

/// Chunks are cut as in a head. Thread safety: one thread.
class SeriesBuffer {
 public:
  explicit SeriesBuffer(ChunkLimits limits) : limits_(limits) { Clear(); }

  void Append(const model::Labels& labels, model::TimestampMs t, double value);
  /// Drops everything.
  void Clear();

  bool empty() const { return series_.empty(); }
  std::size_t held_bytes() const { return chunks_->held_bytes() + other_bytes_; }
  model::TimestampMs min_time() const { return min_time_; }  // Closed range of the samples.
  model::TimestampMs max_time() const { return max_time_; }

  /// The series by labels; the buffer is neither changed nor destroyed meanwhile.
  std::unique_ptr<BlockSource> NewSource() const;

 private:
  struct Series {
    MemSeries chunks;
    model::Labels labels;
    std::vector<model::Sample> late;  // Not newer than the last sample when they came.
  };
  class Source;

  const ChunkLimits limits_;
  std::unique_ptr<ChunkStore> chunks_;
  mutable std::deque<Series> series_;                         // Mutable, as reading locks a series.
  absl::flat_hash_map<std::string_view, Series*> by_labels_;  // Keys lie in the series.
  std::size_t other_bytes_ = 0;
  model::TimestampMs min_time_ = model::kMaxTime;
  model::TimestampMs max_time_ = model::kMinTime;
};

}  // namespace narthex::tsdb
