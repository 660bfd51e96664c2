// SPDX-License-Identifier: Apache-2.0
//
// The message Metric of the exposition format.
#pragma once

#include <string>
#include <string_view>

#include "narthex/proto/exposition.h"

namespace narthex::proto {

/// Replaces all of `metric` but its offset. Values of another kind than `type` are only checked.
void ReadMetric(std::string_view bytes, FamilyType type, std::string& error, ExposedMetric& metric);

}  // namespace narthex::proto
