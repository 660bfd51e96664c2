// SPDX-License-Identifier: Apache-2.0
#include "promql/exec/slots.h"

#include <algorithm>
#include <chrono>

#include "narthex/base/clock.h"

namespace narthex::promql {

Status QuerySlots::Acquire(Clock& clock, std::int64_t deadline_ns, const std::stop_token& stop) {
  // A stop request does not wake the wait, so it is looked for now and then.
  constexpr std::chrono::milliseconds kLook{50};
  MutexLock lock(mutex_);
  while (free_ <= 0) {
    if (stop.stop_requested()) {
      return Fail(Code::kCancelled, "query was canceled in query queue");
    }
    const std::int64_t left_ns = deadline_ns - clock.MonotonicNs();
    if (left_ns <= 0) return Fail(Code::kTimeout, "query timed out in query queue");
    released_.WaitFor(mutex_,
                      std::min<std::chrono::nanoseconds>(kLook, std::chrono::nanoseconds(left_ns)));
  }
  --free_;
  return {};
}

void QuerySlots::Release() {
  MutexLock lock(mutex_);
  ++free_;
  released_.NotifyOne();
}

}  // namespace narthex::promql
