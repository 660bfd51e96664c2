// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "narthex/base/mutex.h"
#include "narthex/model/timestamp.h"

namespace narthex::remote {

/// Waits that end when their thread is to stop. Thread safety: any thread.
class Pause final {
 public:
  /// @return false when it was stopped, at once
  bool For(model::DurationMs ms) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
    MutexLock lock(mutex_);
    while (!stopped_) {
      const auto left = until - std::chrono::steady_clock::now();
      if (left <= std::chrono::nanoseconds(0)) return true;
      changed_.WaitFor(mutex_, left);
    }
    return false;
  }
  bool stopped() const {
    MutexLock lock(mutex_);
    return stopped_;
  }
  void Stop() {
    MutexLock lock(mutex_);
    stopped_ = true;
    changed_.NotifyAll();
  }

 private:
  mutable Mutex mutex_;  // Leaf.
  CondVar changed_;
  bool stopped_ NX_GUARDED_BY(mutex_) = false;
};

}  // namespace narthex::remote
