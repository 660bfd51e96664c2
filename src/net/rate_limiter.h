// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "narthex/base/mutex.h"
#include "narthex/net/access.h"

namespace narthex::net {

/// A token bucket, full at the start. Thread safety: any thread.
class RateLimiter final {
 public:
  explicit RateLimiter(RateLimit limit) : limit_(limit) {}

  /// Takes a token. @param now_ns  of a monotonic clock
  bool Allow(std::int64_t now_ns);

 private:
  const RateLimit limit_;
  Mutex mutex_;
  std::int64_t tokens_ NX_GUARDED_BY(mutex_) = limit_.burst;
  std::int64_t since_ns_ NX_GUARDED_BY(mutex_) = 0;  // Tokens are counted up to then.
  bool started_ NX_GUARDED_BY(mutex_) = false;
};

}  // namespace narthex::net
