// SPDX-License-Identifier: Apache-2.0
//
// Stops the process on a broken invariant. For our own bugs only; bad input gives a Result.
#pragma once

namespace narthex {

/// Logs the place, the condition and the reason, then aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              const char* reason);

}  // namespace narthex

#define NX_CHECK(cond, reason)                                   \
  do {                                                           \
    if (!(cond)) [[unlikely]]                                    \
      ::narthex::CheckFailed(__FILE__, __LINE__, #cond, reason); \
  } while (false)

#ifdef NDEBUG
#define NX_DCHECK(cond, reason) \
  do {                          \
  } while (false)
#else
#define NX_DCHECK(cond, reason) NX_CHECK(cond, reason)
#endif
