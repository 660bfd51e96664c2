// SPDX-License-Identifier: Apache-2.0
//
// The order of text in which runs of digits compare as numbers ("a2" before "a10").
// Source: github.com/facette/natsort, which Prometheus uses for sort_by_label.
#pragma once

#include <string_view>

namespace narthex::promql {

bool NaturalLess(std::string_view a, std::string_view b);

}  // namespace narthex::promql
