// SPDX-License-Identifier: Apache-2.0
//
// The message Label of version 1.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "narthex/model/labels.h"

namespace narthex::proto {

/// Far more than any series has. An empty label takes two bytes of a message, and 32 in memory.
inline constexpr std::size_t kMaxLabelsOfSeries = 65'536;

/// Adds the label, unless there are too many already, which is an error.
void ReadLabelInto(std::string_view bytes, std::string& error,
                   std::vector<model::LabelView>& labels);

}  // namespace narthex::proto
