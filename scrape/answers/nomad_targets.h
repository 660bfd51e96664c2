// SPDX-License-Identifier: Apache-2.0
//
// Answers of a Nomad. Source: Prometheus discovery/nomad.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

/// Names of the services of /v1/services.
Result<std::vector<std::string>> ParseNomadServices(std::string_view body);

/// The targets of /v1/service/NAME. @param budget  of all services together
Result<std::vector<model::Labels>> ParseNomadInstances(std::string_view body,
                                                       const std::string& tag_separator,
                                                       TargetBudget& budget);

}  // namespace narthex::scrape
