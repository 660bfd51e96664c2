// SPDX-License-Identifier: Apache-2.0
//
// Compensated sums of many windows, to the bit as KahanSum adds them up one after another, as long
// as they are finite. A sum that is not has to be asked of KahanSum.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "narthex/model/timestamp.h"
#include "promql/functions/kahan.h"

namespace narthex::promql {

inline bool IsFinite(const KahanSum& sum) {
  return std::isfinite(sum.sum) && std::isfinite(sum.compensation);
}

/// The sums of v over [lo[i], hi[i]) for each i, where neither bound falls.
void SumWindows(std::span<const double> v, std::span<const std::uint32_t> lo,
                std::span<const std::uint32_t> hi, std::span<KahanSum> out);

/// So many windows are taken at once below.
constexpr std::size_t kWindowsAtOnce = 4;

/// What a line through a window is found by; x: seconds from the reference.
struct LineSums {
  KahanSum x, y, xy, xx;
};
void SumLine(std::span<const model::TimestampMs> t, std::span<const double> v,
             model::TimestampMs reference, LineSums& out);

/// The sums of y and x·y of up to kWindowsAtOnce windows with the same times.
/// @param windows  where the y of each begin, as many as there are of x
void SumProducts(std::span<const double> x, std::span<const double* const> windows,
                 std::span<KahanSum> y, std::span<KahanSum> xy);

}  // namespace narthex::promql
