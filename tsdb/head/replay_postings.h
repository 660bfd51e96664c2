// SPDX-License-Identifier: Apache-2.0
//
// The thread of a replay that enters new series into the posting lists, many at a time.
#pragma once

#include <cstddef>
#include <thread>
#include <utility>

#include "narthex/base/thread_pool.h"
#include "tsdb/head/head_index.h"
#include "tsdb/head/replay_queue.h"

namespace narthex::tsdb {

/// Thread safety: one thread.
class ReplayPostings {
 public:
  explicit ReplayPostings(HeadIndex& index)
      : index_(index), queue_(kBatchesInFlight), next_(index.end()) {}
  ~ReplayPostings() { Stop(); }
  ReplayPostings(const ReplayPostings&) = delete;
  ReplayPostings& operator=(const ReplayPostings&) = delete;

  /// The series below `end` exist.
  void Offer(SeriesSlot end) {
    if (end - next_ >= kSeriesPerBatch) Push(end);
  }
  /// The same; returns when all of them are in their lists. Call once, last.
  void Finish(SeriesSlot end) {
    if (end > next_) Push(end);
    Stop();
  }

 private:
  // Memory for a batch is about 8 bytes for each label of each of its series.
  static constexpr SeriesSlot kSeriesPerBatch = 16 * 1024;
  static constexpr std::size_t kBatchesInFlight = 256;

  void Push(SeriesSlot end) {
    if (!thread_.joinable()) {
      thread_ = std::thread([this] {
        SetThreadName("replay-index");
        while (const auto range = queue_.Pop()) index_.AddPostings(range->first, range->second);
      });
    }
    queue_.Push({next_, end});
    next_ = end;
  }
  void Stop() {
    queue_.Close();
    if (thread_.joinable()) thread_.join();
  }

  HeadIndex& index_;
  BoundedQueue<std::pair<SeriesSlot, SeriesSlot>> queue_;
  SeriesSlot next_;
  std::thread thread_;
};

}  // namespace narthex::tsdb
