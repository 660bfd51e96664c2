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

}  // namespace narthex::promql
