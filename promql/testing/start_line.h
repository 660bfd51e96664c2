// SPDX-License-Identifier: Apache-2.0
//
// The lines of a load that tell start times: `series@st _ -30s-1mx4`, before the series' own line.
// Source: Prometheus promqltest parseSTLine.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"

namespace narthex::promql {

struct StartLine {
  int line = 0;  // In the script; set by the caller.
  model::Labels labels;
  std::vector<std::optional<model::DurationMs>> offsets;  // From the sample's time on.
};

bool IsStartLine(std::string_view line);
/// Errors: kInvalidArgument.
Result<StartLine> ParseStartLine(std::string_view line);

}  // namespace narthex::promql
