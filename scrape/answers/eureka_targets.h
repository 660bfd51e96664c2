// SPDX-License-Identifier: Apache-2.0
//
// Answers of a Eureka server. Source: Prometheus discovery/eureka.
#pragma once

#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

/// The targets of /apps, which is XML. Errors: kInvalidArgument, kResourceExhausted.
Result<std::vector<model::Labels>> ParseEurekaApps(std::string_view body,
                                                   const TargetLimits& limits = {});

}  // namespace narthex::scrape
