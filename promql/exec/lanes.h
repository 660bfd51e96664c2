// SPDX-License-Identifier: Apache-2.0
//
// Doubles side by side in a vector register; where the machine's are shorter, in several.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace narthex::promql {

using Lanes = double __attribute__((vector_size(32)));
/// All bits of a lane or none: what comparing Lanes gives.
using LaneMask = std::int64_t __attribute__((vector_size(32)));
constexpr std::size_t kLanes = 4;

/// Vectors go by reference: how they are passed by value depends on the machine that is built for.
[[gnu::always_inline]] inline void LoadLanes(const double* from, Lanes& to) {
  std::memcpy(&to, from, sizeof to);
}

[[gnu::always_inline]] inline bool AnyLane(const LaneMask& mask) {
  return (mask[0] | mask[1] | mask[2] | mask[3]) != 0;
}

/// What every machine has: for code that is not built for longer registers, where comparing Lanes
/// would go one by one.
using Pair = double __attribute__((vector_size(16)));
using PairMask = std::int64_t __attribute__((vector_size(16)));

/// Whether any of kCount values from `v` on (two at a time) has what `fn` looks for:
/// fn(index, const Pair&, PairMask& found) adds to what was found.
template <std::size_t kCount, typename Fn>
[[gnu::always_inline]] inline bool AnyPair(const double* v, Fn&& fn) {
  PairMask mask{};
  for (std::size_t i = 0; i < kCount; i += 2) {
    Pair x;
    std::memcpy(&x, v + i, sizeof x);
    fn(i, x, mask);
  }
  return (mask[0] | mask[1]) != 0;
}

}  // namespace narthex::promql
