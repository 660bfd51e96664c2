// SPDX-License-Identifier: Apache-2.0
//
// The batches that wait for one connection, and the thread that sends them in their order.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "narthex/base/mutex.h"
#include "src/remote/batch.h"
#include "src/remote/batch_sender.h"

namespace narthex::remote {

/// Thread safety: any thread.
class Shard final {
 public:
  /// @param max_batches  that wait, beside the one that is being sent
  /// @param begin        called by the shard's thread before a batch is sent for the first time
  /// @param done         called by the shard's thread when a batch was sent or refused for good,
  ///                     with what it had before anything was dropped; before idle() says so
  /// @param news         called after that, when idle() or HasRoom() may have changed
  Shard(std::size_t max_batches, std::unique_ptr<BatchSender> sender,
        std::function<void(const Batch&)> begin,
        std::function<void(const Batch&, const ItemCounts&)> done, std::function<void()> news);
  ~Shard();  // Calls Stop() and waits.
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  bool HasRoom() const;
  /// There has to be room, and one thread that pushes.
  void Push(Batch batch);
  /// Whether nothing waits and nothing is being sent.
  bool idle() const;
  /// Bytes of the batches.
  std::size_t held_bytes() const;
  /// What was not sent stays unsent. Returns at once. Idempotent.
  void Stop();

 private:
  void Run();
  bool Send(Batch& batch);

  const std::size_t max_batches_;
  const std::unique_ptr<BatchSender> sender_;
  const std::function<void(const Batch&)> begin_;
  const std::function<void(const Batch&, const ItemCounts&)> done_;
  const std::function<void()> news_;

  mutable Mutex mutex_;  // Leaf.
  CondVar changed_;
  std::deque<Batch> batches_ NX_GUARDED_BY(mutex_);
  std::size_t bytes_ NX_GUARDED_BY(mutex_) = 0;  // Of batches_ and of the one being sent.
  bool sending_ NX_GUARDED_BY(mutex_) = false;
  bool stopping_ NX_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace narthex::remote
