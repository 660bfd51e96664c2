// SPDX-License-Identifier: Apache-2.0
//
// One of the threads that put replayed samples into their series.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "tsdb/head/head_state.h"
#include "tsdb/head/replay_queue.h"

namespace narthex::tsdb {

/// Applies the samples of some of the series, in the order in which they are added. Thread safety:
/// one thread at a time.
class ReplayShard {
 public:
  struct Sample {
    SeriesSlot slot = 0;
    model::TimestampMs t = 0;
    double v = 0;
  };

  ReplayShard(HeadState& head, int number);

  /// @param start  0 = none, here and below
  void Add(const Sample& sample, model::TimestampMs start) {
    batch_.starts.Append(batch_.samples.size(), start);
    batch_.samples.push_back(sample);
    if (batch_.samples.size() == kSamplesPerHandover) Flush();
  }
  void Add(SeriesSlot slot, model::TimestampMs t, model::Histogram h, model::TimestampMs start);
  void Add(SeriesSlot slot, model::TimestampMs t, model::FloatHistogram h,
           model::TimestampMs start);
  /// Returns when all samples added so far have been applied.
  void Drain();
  /// Drains, ends the thread and counts what was done. Call once, last.
  void Finish();

 private:
  static constexpr std::size_t kSamplesPerHandover = 8192;
  static constexpr std::size_t kHistogramsPerHandover = 256;

  template <typename H>
  struct HistogramSample {
    SeriesSlot slot = 0;
    model::TimestampMs t = 0;
    H histogram;
    model::TimestampMs start = 0;
  };
  // Kinds are applied one after another: a series that changes its kind within a batch would lose
  // samples, so a batch ends where histograms follow floats.
  struct Batch {
    std::vector<Sample> samples;
    storage::StartTimes starts;  // Of the samples.
    std::vector<HistogramSample<model::Histogram>> ints;
    std::vector<HistogramSample<model::FloatHistogram>> floats;
    bool empty() const { return samples.empty() && ints.empty() && floats.empty(); }
  };

  void Flush();
  void Run();
  template <typename Append>
  void Apply(SeriesSlot slot, model::TimestampMs t, std::vector<SeriesSlot>& full,
             const Append& append);

  HeadState& head_;
  BoundedQueue<Batch> queue_;
  Batch batch_;
  std::uint64_t pushed_ = 0;
  std::atomic<std::uint64_t> applied_{0};
  model::TimestampMs mint_ = model::kMaxTime;
  model::TimestampMs maxt_ = model::kMinTime;
  std::uint64_t appended_ = 0;
  std::uint64_t chunks_created_ = 0;
  std::thread thread_;
};

}  // namespace narthex::tsdb
