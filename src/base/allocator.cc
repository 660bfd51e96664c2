// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/allocator.h"

#include <mimalloc.h>

namespace narthex {
namespace {

constexpr long kKeepMs = 1000;

}  // namespace

void TuneAllocator() {
#if MI_MALLOC_VERSION >= 210
  mi_option_set_default(mi_option_purge_delay, kKeepMs);
#else
  mi_option_set_default(mi_option_decommit_delay, kKeepMs);
#endif
}

}  // namespace narthex
