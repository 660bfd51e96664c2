// SPDX-License-Identifier: Apache-2.0
//
// Worker threads with one queue; they are started when there is work for them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace narthex {

/// Thread safety: any thread, but Stop and the destructor only once and not from a worker.
class ThreadPool final {
 public:
  /// @param name         shown by ps and in crash reports; at most 15 characters
  /// @param max_threads  started one by one as tasks find no idle thread; they stay
  ThreadPool(std::string name, std::size_t max_threads);
  ~ThreadPool();  // Calls Stop().
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Runs the task on some worker. After Stop the task is dropped. Tasks should not throw: it
  /// is logged, and nobody else learns of it.
  void Submit(std::function<void()> task);

  /// Calls fn(0) … fn(count-1), on the workers and on the calling thread, and returns when all are
  /// done. May be called from a worker: the caller takes part, so it can't starve. When fn throws,
  /// the first exception reaches the caller, after all calls have ended.
  void ParallelFor(std::size_t count, const std::function<void(std::size_t)>& fn);

  /// Runs what was submitted, then ends the threads.
  void Stop();

  /// The most that may run at the same time.
  std::size_t num_threads() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Names the calling thread (at most 15 characters are kept).
void SetThreadName(const std::string& name);

}  // namespace narthex
