// SPDX-License-Identifier: Apache-2.0
//
// Signals as values: blocked in all threads and waited for in one.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

namespace narthex::server {

enum class Wake { kStop, kReload, kTimeout };

/// Made in the main thread before others start, so that they inherit the blocked signals.
class SignalQueue final {
 public:
  SignalQueue();

  /// Waits for the next signal; on the thread that made the queue.
  /// @param timeout_ms  after this kTimeout is returned; 0 = never
  Wake Wait(std::int64_t timeout_ms = 0);
  /// Makes Wait return kStop. Any thread. @return false when that was asked for before
  bool RequestStop();

 private:
  const pthread_t waiter_;
  std::atomic<bool> stop_requested_{false};
};

}  // namespace narthex::server
