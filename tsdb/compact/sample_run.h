// SPDX-License-Identifier: Apache-2.0
//
// Samples of one series in their own types, to be merged and encoded anew.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/histogram.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/start_times.h"
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

/// Which encodings new chunks have. A sample with a start time is in a chunk with room for it in
/// any case.
struct RunEncodings {
  bool xor2 = false;
  bool started_histograms = false;  // As if every histogram had a start time.
};

/// Thread safety: one thread.
class SampleRun {
 public:
  /// Adds the samples of a chunk that are not deleted. Hints of histograms are kept only when they
  /// say that it is a gauge: others are about neighbours that may have changed. Errors:
  /// kCorruption.
  Status Add(const ChunkView& chunk, std::span<const Interval> deleted);
  /// Adds one sample, with its hint and its start time (0 = none).
  void Add(model::TimestampMs t, double v, model::TimestampMs start = 0);
  void Add(model::TimestampMs t, model::Histogram h, model::TimestampMs start = 0);
  void Add(model::TimestampMs t, model::FloatHistogram h, model::TimestampMs start = 0);
  /// From here on no sample has a start time.
  void ForgetStarts() {
    for (auto& starts : starts_) starts.clear();
  }
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
    ForgetStarts();
  }
  /// Encodes them, calling `emit` for each chunk.
  void Encode(ChunkCut cut, RunEncodings encodings,
              const std::function<void(EncodedChunk)>& emit) const;

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
  std::size_t EncodeHistograms(std::size_t begin, ChunkCut cut, bool all_started,
                               const std::vector<H>& column,
                               const std::function<void(EncodedChunk)>& emit) const;
  std::size_t EncodeFloats(std::size_t begin, ChunkCut cut, EncodedChunk& out) const;
  std::size_t EncodeStartedFloats(std::size_t begin, ChunkCut cut, EncodedChunk& out) const;
  storage::StartTimes& StartsOf(Kind kind) { return starts_[static_cast<std::size_t>(kind)]; }
  model::TimestampMs StartOf(const Entry& entry) const {
    return starts_[static_cast<std::size_t>(entry.kind)].At(entry.index);
  }

  std::vector<Entry> entries_;
  std::vector<double> floats_;
  std::vector<model::Histogram> ints_;
  std::vector<model::FloatHistogram> float_histograms_;
  std::array<storage::StartTimes, 3> starts_;  // Of each kind's column.
};

}  // namespace narthex::tsdb
