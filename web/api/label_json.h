// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"

namespace narthex::web {

/// A JSON object of strings as labels; empty values are left out, null is empty, and of several
/// values for one name the last counts.
/// Errors: kInvalidArgument in the words of Go's encoding/json.
Result<model::Labels> ParseLabelsJson(std::string_view text);

}  // namespace narthex::web
