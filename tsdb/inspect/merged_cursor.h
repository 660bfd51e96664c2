// SPDX-License-Identifier: Apache-2.0
//
// Several parts of the database as one: series by labels, samples by time, with the choices that
// Prometheus makes between samples of the same time.
#pragma once

#include <memory>
#include <vector>

#include "tsdb/inspect/go_heap.h"
#include "tsdb/inspect/series_cursor.h"

namespace narthex::tsdb::inspect {

/// The samples of several runs by time; of those with the same time one is given. Order and choice
/// are those of Prometheus's chainSampleIterator. Thread safety: one thread.
class SampleChain {
 public:
  SampleChain();
  SampleChain(const SampleChain&) = delete;
  SampleChain& operator=(const SampleChain&) = delete;
  /// The runs outlive the chain.
  void Reset(std::vector<const SampleRun*> runs);

  bool Next();
  const SampleRun& run() const { return *runs_[current_]; }
  /// Index of the sample in run().
  std::size_t index() const { return next_[current_] - 1; }

 private:
  bool Advance(std::size_t i);
  model::TimestampMs TimeOf(std::size_t i) const { return runs_[i]->TimeAt(next_[i] - 1); }
  struct ByTime {
    const SampleChain* chain;
    bool operator()(std::size_t a, std::size_t b) const {
      return chain->TimeOf(a) < chain->TimeOf(b);
    }
  };

  std::vector<const SampleRun*> runs_;
  std::vector<std::size_t> next_;  // Per run: one past its current sample.
  GoHeap<std::size_t, ByTime> heap_;
  std::size_t current_ = 0;
  bool started_ = false;
  bool ended_ = false;
  bool any_ = false;  // Whether last_ is of a sample.
  model::TimestampMs last_ = 0;
};

/// Cursors by labels; the order of the parts decides among equals. Thread safety: one thread.
class MergedCursor {
 public:
  explicit MergedCursor(std::vector<std::unique_ptr<SeriesCursor>> parts);
  MergedCursor(const MergedCursor&) = delete;
  MergedCursor& operator=(const MergedCursor&) = delete;

  Result<bool> Next();
  const model::Labels& labels() const { return parts_[group_.front()]->labels(); }
  /// Points `chain` at the samples of the current series; valid until the next call of Next.
  Status Read(SampleChain& chain);

 private:
  Status Advance(std::size_t part);
  struct ByLabels {
    const MergedCursor* merged;
    bool operator()(std::size_t a, std::size_t b) const {
      return merged->parts_[a]->labels() < merged->parts_[b]->labels();
    }
  };

  const std::vector<std::unique_ptr<SeriesCursor>> parts_;
  std::vector<SampleRun> runs_;
  GoHeap<std::size_t, ByLabels> heap_;
  std::vector<std::size_t> group_;  // The parts that have the current series.
  bool started_ = false;
};

}  // namespace narthex::tsdb::inspect
