// SPDX-License-Identifier: Apache-2.0
//
// How many queries run at a time; the others wait here.
#pragma once

#include <stop_token>

#include "narthex/base/mutex.h"
#include "narthex/base/result.h"

namespace narthex {
class Clock;
}

namespace narthex::promql {

/// Thread safety: any thread.
class QuerySlots {
 public:
  explicit QuerySlots(int count) : free_(count) {}

  /// Waits for a slot. Errors: kTimeout at the deadline, kCancelled when stopped.
  Status Acquire(Clock& clock, std::int64_t deadline_ns, const std::stop_token& stop);
  void Release();

 private:
  Mutex mutex_;
  CondVar released_;
  int free_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::promql
