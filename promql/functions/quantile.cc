// SPDX-License-Identifier: Apache-2.0
#include "promql/functions/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace narthex::promql {

double QuantileOf(double q, std::vector<double>& values) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (values.empty() || std::isnan(q)) return std::numeric_limits<double>::quiet_NaN();
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  const auto less = [](double a, double b) {
    if (std::isnan(a)) return !std::isnan(b);
    return a < b;
  };
  const auto n = static_cast<double>(values.size());
  const double rank = q * (n - 1);
  const double lower = std::max(0.0, std::floor(rank));
  const double upper = std::min(n - 1, lower + 1);
  const auto lower_at = values.begin() + static_cast<std::ptrdiff_t>(lower);
  // Only two ranks are needed: select the lower one, then the least of what is above it.
  std::nth_element(values.begin(), lower_at, values.end(), less);
  const double low = *lower_at;
  const double high = upper > lower ? *std::min_element(lower_at + 1, values.end(), less) : low;
  const double weight = rank - std::floor(rank);
  return low * (1 - weight) + high * weight;
}

}  // namespace narthex::promql
