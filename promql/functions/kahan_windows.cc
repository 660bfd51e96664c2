// SPDX-License-Identifier: Apache-2.0
#include "promql/functions/kahan_windows.h"

#include <algorithm>

namespace narthex::promql {
namespace {

// Windows that are added up at once: each has to wait for its last addition, so several hide it.
constexpr std::size_t kLanes = 4;

KahanSum Continue(KahanSum sum, std::span<const double> v) {
  for (const double x : v) sum.Add(x);
  return sum;
}

}  // namespace

void SumWindows(std::span<const double> v, std::span<const std::uint32_t> lo,
                std::span<const std::uint32_t> hi, std::span<KahanSum> out) {
  const std::size_t n = out.size();
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const double* from[kLanes];
    std::size_t common = v.size();
    for (std::size_t k = 0; k < kLanes; ++k) {
      from[k] = v.data() + lo[i + k];
      common = std::min<std::size_t>(common, hi[i + k] - lo[i + k]);
    }
    KahanPair a, b;
    for (std::size_t j = 0; j < common; ++j) {
      a.Add(KahanPair::Pair{from[0][j], from[1][j]});
      b.Add(KahanPair::Pair{from[2][j], from[3][j]});
    }
    for (std::size_t k = 0; k < kLanes; ++k) {
      const KahanSum sum = k < 2 ? a.Get(static_cast<int>(k)) : b.Get(static_cast<int>(k) - 2);
      out[i + k] = Continue(sum, v.subspan(lo[i + k] + common, hi[i + k] - lo[i + k] - common));
    }
  }
  for (; i < n; ++i) out[i] = Continue({}, v.subspan(lo[i], hi[i] - lo[i]));
}

}  // namespace narthex::promql
