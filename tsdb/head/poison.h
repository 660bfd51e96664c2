// SPDX-License-Identifier: Apache-2.0
//
// Tells the address sanitizer which memory of an arena nobody may touch: it knows only blocks that
// it handed out itself. Nothing in other builds.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define NX_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NX_POISON 1
#endif
#endif

#ifdef NX_POISON
#include <sanitizer/asan_interface.h>
#endif

namespace narthex::tsdb {

#ifdef NX_POISON
inline void Poison(const void* p, std::size_t bytes) { __asan_poison_memory_region(p, bytes); }
inline void Unpoison(const void* p, std::size_t bytes) { __asan_unpoison_memory_region(p, bytes); }
#else
inline void Poison(const void*, std::size_t) {}
inline void Unpoison(const void*, std::size_t) {}
#endif

}  // namespace narthex::tsdb
