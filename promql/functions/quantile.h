// SPDX-License-Identifier: Apache-2.0
//
// Quantile of a list of values.
#pragma once

#include <vector>

namespace narthex::promql {

/// Linear between the two nearest ranks; NaN sorts first. Reorders `values`.
double QuantileOf(double q, std::vector<double>& values);

}  // namespace narthex::promql
