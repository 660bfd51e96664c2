// SPDX-License-Identifier: Apache-2.0
//
// From what Lightsail's API says to targets. Source: Prometheus discovery/aws/lightsail.go; the
// API: https://docs.aws.amazon.com/lightsail/2016-11-28/api-reference
#pragma once

#include <cstdint>
#include <string>

#include "narthex/config/target_group.h"
#include "scrape/answers/json_view.h"
#include "scrape/answers/label_map.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

/// Adds the targets of one answer to GetInstances. Errors: those of the budget.
Status AddLightsailTargets(const JsonView& answer, const std::string& region, std::int64_t port,
                           TargetBudget& budget, config::TargetGroup& group);

}  // namespace narthex::scrape
