// SPDX-License-Identifier: Apache-2.0
//
// Samples of one series in their own types, to be merged and encoded anew.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/histogram.h"
#include "narthex/model/timestamp.h"
#include "tsdb/block/tombstones.h"
#include "tsdb/chunkenc/chunk.h"
#include "tsdb/chunkenc/histogram.h"
#include "tsdb/chunkenc/xor.h"

namespace narthex::tsdb {

/// A new chunk with its bytes.
struct EncodedChunk {
  model::TimestampMs mint = 0;
  model::TimestampMs maxt = 0;
  Encoding encoding = Encoding::kNone;
  std::string bytes;
};

/// Thread safety: one thread.
class SampleRun {
 public:
  /// Adds the samples of a chunk that are not deleted. Errors: kCorruption.
  Status Add(const ChunkView& chunk, std::span<const Interval> deleted);
  /// Adds one sample. The hint of a histogram counts only when it says that it is a gauge.
  void Add(model::TimestampMs t, double v);
  void Add(model::TimestampMs t, model::Histogram h);
  void Add(model::TimestampMs t, model::FloatHistogram h);
  /// Puts them in order of time; of equal times the one added last stays.
  void Sort();
  std::size_t size() const { return entries_.size(); }
  model::TimestampMs TimeAt(std::size_t i) const { return entries_[i].t; }
  /// Calls `visit` with sample i: a double, a model::Histogram or a model::FloatHistogram.
  template <typename Visit>
  void VisitAt(std::size_t i, Visit&& visit) const {
    const Entry& entry = entries_[i];
    switch (entry.kind) {
      case Kind::kFloat:
        return visit(floats_[entry.index]);
      case Kind::kInt:
        return visit(ints_[entry.index]);
      case Kind::kFloatHistogram:
        return visit(float_histograms_[entry.index]);
    }
  }
  void Clear() {
    entries_.clear();
    floats_.clear();
    ints_.clear();
    float_histograms_.clear();
    num_chunks_ = 0;
  }
  /// Encodes them, calling `emit` for each chunk.
  void Encode(std::size_t samples_per_chunk, const std::function<void(EncodedChunk)>& emit) const;

 private:
  enum class Kind : std::uint8_t { kFloat, kInt, kFloatHistogram };
  struct Entry {
    model::TimestampMs t;
    std::uint32_t index;  // In the column of its kind.
    Kind kind;
  };
  template <typename H>
  Status AddHistograms(const ChunkView& chunk, std::span<const Interval> deleted, Kind kind,
                       std::vector<H>& column);
  template <typename H>
  std::size_t EncodeHistograms(std::size_t begin, std::size_t limit, const std::vector<H>& column,
                               model::CounterResetHint& header, EncodedChunk& out) const;
  std::size_t EncodeFloats(std::size_t begin, std::size_t limit, EncodedChunk& out) const;

  std::vector<Entry> entries_;
  std::vector<double> floats_;
  std::vector<model::Histogram> ints_;
  std::vector<model::FloatHistogram> float_histograms_;
  std::size_t num_chunks_ = 0;
};

}  // namespace narthex::tsdb
