// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace narthex::go {

/// (…(c[0] * x + c[1]) * x + …) * x + c[n-1], rounded at each step.
template <std::size_t n>
constexpr double Horner(const double (&c)[n], double x) {
  double sum = c[0];
  for (std::size_t i = 1; i < n; ++i) sum = sum * x + c[i];
  return sum;
}

}  // namespace narthex::go
