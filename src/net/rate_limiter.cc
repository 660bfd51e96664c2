// SPDX-License-Identifier: Apache-2.0
#include "src/net/rate_limiter.h"

#include <algorithm>

namespace narthex::net {

bool RateLimiter::Allow(std::int64_t now_ns) {
  if (limit_.interval_ns <= 0) return true;
  MutexLock lock(mutex_);
  if (!started_) since_ns_ = now_ns;
  started_ = true;
  const std::int64_t fresh = std::max<std::int64_t>(0, now_ns - since_ns_) / limit_.interval_ns;
  if (fresh >= limit_.burst - tokens_) {
    tokens_ = limit_.burst;
    since_ns_ = now_ns;
  } else {
    tokens_ += fresh;
    since_ns_ += fresh * limit_.interval_ns;
  }
  if (tokens_ <= 0) return false;
  --tokens_;
  return true;
}

}  // namespace narthex::net
