// SPDX-License-Identifier: Apache-2.0
//
// A bounded hand-over from one thread to another.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "narthex/base/mutex.h"

namespace narthex::tsdb {

/// Thread safety: any thread.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  /// Waits for room. @return false when the queue was closed, and the item is dropped
  bool Push(T item) {
    MutexLock lock(mutex_);
    while (items_.size() >= capacity_ && !closed_) changed_.Wait(mutex_);
    if (closed_) return false;
    items_.push_back(std::move(item));
    changed_.NotifyAll();
    return true;
  }
  /// Waits for an item; none when the queue is closed and empty.
  std::optional<T> Pop() {
    MutexLock lock(mutex_);
    while (items_.empty() && !closed_) changed_.Wait(mutex_);
    if (items_.empty()) return std::nullopt;
    T item = std::move(items_.front());
    items_.pop_front();
    changed_.NotifyAll();
    return item;
  }
  /// No more items; what is in the queue can still be taken.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    changed_.NotifyAll();
  }

 private:
  const std::size_t capacity_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<T> items_ NX_GUARDED_BY(mutex_);
  bool closed_ NX_GUARDED_BY(mutex_) = false;
};

}  // namespace narthex::tsdb
