// SPDX-License-Identifier: Apache-2.0
//
// How often a server is waited for that does not answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "narthex/base/mutex.h"
#include "narthex/base/result.h"

namespace narthex::remote {

/// After a question that waited in vain nobody asks for a second; then one may, and while that one
/// waits, and for a longer time after it has waited in vain, too, the others are refused at once.
/// Otherwise a server that hangs would hold up every rule and query for its whole timeout.
/// Thread safety: any thread.
class Patience final {
 public:
  /// Before a question. @return why it is not to be asked
  /// @param[out] probe  whether the others wait for what comes of it
  std::optional<Error> Refusal(std::int64_t now_ns, bool& probe);
  /// After each question that was asked.
  void Answered();
  void WaitedInVain(std::int64_t now_ns, Error error);
  /// After a probe, whatever came of it.
  void EndProbe();

 private:
  Mutex mutex_;
  int failures_ NX_GUARDED_BY(mutex_) = 0;
  bool probing_ NX_GUARDED_BY(mutex_) = false;
  std::int64_t until_ns_ NX_GUARDED_BY(mutex_) = 0;
  std::optional<Error> error_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::remote
