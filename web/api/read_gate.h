// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <stop_token>

#include "narthex/base/mutex.h"

namespace narthex::web {

/// Lets at most so many in at the same time. Thread safety: any thread.
class ReadGate {
 public:
  /// @param limit  0 = none
  explicit ReadGate(std::size_t limit) : limit_(limit) {}

  /// Waits for a place. @return false when `stop` was requested first
  [[nodiscard]] bool Enter(const std::stop_token& stop) {
    // Under the lock, so that it cannot fall between a look at the token and the wait.
    const std::stop_callback wake(stop, [this] {
      const MutexLock lock(mutex_);
      changed_.NotifyAll();
    });
    const MutexLock lock(mutex_);
    while (limit_ != 0 && inside_ >= limit_) {
      if (stop.stop_requested()) return false;
      changed_.Wait(mutex_);
    }
    ++inside_;
    return true;
  }

  void Leave() {
    const MutexLock lock(mutex_);
    --inside_;
    changed_.NotifyAll();
  }

 private:
  const std::size_t limit_;
  Mutex mutex_;
  CondVar changed_;
  std::size_t inside_ NX_GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::web
