// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <stop_token>
#include <thread>

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

/// A place behind the gate, waited for, and left at the end. False when `stop` was requested first.
class [[nodiscard]] GatePlace final {
 public:
  GatePlace(ReadGate& gate, const std::stop_token& stop) : gate_(gate), inside_(gate.Enter(stop)) {}
  ~GatePlace() {
    if (inside_) gate_.Leave();
  }
  GatePlace(const GatePlace&) = delete;
  GatePlace& operator=(const GatePlace&) = delete;

  explicit operator bool() const { return inside_; }

 private:
  ReadGate& gate_;
  const bool inside_;
};

/// How many requests that bring samples are opened at the same time: they take a core each, and
/// unpacked much more memory than they are sent in, so that more of them would not be faster.
inline std::size_t MaxConcurrentWrites() {
  return std::max(4U, std::thread::hardware_concurrency());
}

}  // namespace narthex::web
