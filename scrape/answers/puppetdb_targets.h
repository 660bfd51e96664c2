// SPDX-License-Identifier: Apache-2.0
//
// Answers of a PuppetDB. Source: Prometheus discovery/puppetdb.
#pragma once

#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/puppetdb_sd.h"
#include "narthex/model/labels.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

/// A target for each resource of an answer to the query of `config`.
Result<std::vector<model::Labels>> ParsePuppetdbResources(std::string_view body,
                                                          const config::PuppetdbSdConfig& config,
                                                          const TargetLimits& limits = {});

}  // namespace narthex::scrape
