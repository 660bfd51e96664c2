// SPDX-License-Identifier: Apache-2.0
#include "scrape/pool/update_throttle.h"

#include <algorithm>

namespace narthex::scrape {

void UpdateThrottle::Change(std::int64_t now_ns) {
  if (due_ns_) return;
  if (!sent_ns_ || now_ns - *sent_ns_ > delays_.most_ns) delay_ns_ = delays_.first_ns;
  due_ns_ = now_ns + delays_.first_ns;
  if (sent_ns_) due_ns_ = std::max(*due_ns_, *sent_ns_ + delay_ns_);
}

void UpdateThrottle::Sent(std::int64_t now_ns) {
  due_ns_.reset();
  sent_ns_ = now_ns;
  delay_ns_ = std::min(delay_ns_ + delay_ns_ / 2, delays_.most_ns);
}

}  // namespace narthex::scrape
