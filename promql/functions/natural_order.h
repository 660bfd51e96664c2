// SPDX-License-Identifier: Apache-2.0
//
// The order of text in which runs of digits compare as numbers ("a2" before "a10").
// Source: github.com/facette/natsort, which Prometheus uses for sort_by_label.
#pragma once

#include <string_view>

namespace narthex::promql {

/// Whether a comes before b. Not an order in the strict sense: for two texts that are equal but
/// for leading zeros the answer is true both ways, for an empty one it is false both ways. Use it
/// with GoSort only.
bool NaturalLess(std::string_view a, std::string_view b);

}  // namespace narthex::promql
