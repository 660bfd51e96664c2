// SPDX-License-Identifier: Apache-2.0
//
// Hashes of bytes (xxHash, https://xxhash.com).
#pragma once

#include <cstdint>
#include <string_view>

namespace narthex {

/// XXH3, 64 bits: for tables in memory; not written to files.
std::uint64_t Hash64(std::string_view bytes);

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Hash128&) const = default;
};
/// XXH3, 128 bits: stands for the bytes themselves; collisions are not expected in practice.
Hash128 HashBytes128(std::string_view bytes);

/// The classic XXH64 with seed 0, which Prometheus uses for label sets (limit_ratio).
std::uint64_t XxHash64(std::string_view bytes);

}  // namespace narthex
