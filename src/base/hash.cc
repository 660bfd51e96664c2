// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace narthex {

std::uint64_t Hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Hash128 HashBytes128(std::string_view bytes) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  return {h.low64, h.high64};
}

std::uint64_t XxHash64(std::string_view bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

}  // namespace narthex
