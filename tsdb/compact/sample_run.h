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

/// Where a run of samples of one type is cut into chunks; a native histogram that does not fit into
/// the chunk begins another one in any case.
enum class ChunkCut : std::uint8_t {
  kNever,
  kBySamples,  // At kSamplesPerChunk: overlapping chunks of blocks.
  kByBytes,    // At the size that the head aims at: overlapping chunks in the head.
};
inline constexpr std::size_t kSamplesPerChunk = 120;

/// Thread safety: one thread.
class SampleRun {
 public:
  /// Adds the samples of a chunk that are not deleted. Hints of histograms are kept only when they
  /// say that it is a gauge: others are about neighbours that may have changed. Errors:
  /// kCorruption.
  Status Add(const ChunkView& chunk, std::span<const Interval> deleted);
  /// Adds one sample, with its hint.
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
  }
  /// Encodes them, calling `emit` for each chunk.
  void Encode(ChunkCut cut, const std::function<void(EncodedChunk)>& emit) const;

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
  std::size_t EncodeHistograms(std::size_t begin, ChunkCut cut, const std::vector<H>& column,
                               const std::function<void(EncodedChunk)>& emit) const;
  std::size_t EncodeFloats(std::size_t begin, ChunkCut cut, EncodedChunk& out) const;

  std::vector<Entry> entries_;
  std::vector<double> floats_;
  std::vector<model::Histogram> ints_;
  std::vector<model::FloatHistogram> float_histograms_;
};

}  // namespace narthex::tsdb
