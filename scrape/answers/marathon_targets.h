// SPDX-License-Identifier: Apache-2.0
//
// Answers of a Marathon. Source: Prometheus discovery/marathon.
#pragma once

#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/target_group.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

/// A group for each application of /v2/apps?embed=apps.tasks; the source is its id.
Result<std::vector<config::TargetGroup>> ParseMarathonApps(std::string_view body,
                                                           const TargetLimits& limits = {});

}  // namespace narthex::scrape
