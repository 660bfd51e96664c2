// SPDX-License-Identifier: Apache-2.0
//
// From what discovery found to what is scraped: defaults, relabelling, checks, URL.
// Source: Prometheus scrape.PopulateLabels.
#pragma once

#include <string>

#include "narthex/base/result.h"
#include "narthex/config/scrape_config.h"
#include "narthex/model/labels.h"
#include "scrape/loop/target.h"

namespace narthex::scrape {

/// Labels of the target, then of its group, then the job's defaults for what is missing.
model::Labels DiscoveredLabels(const model::Labels& target, const config::TargetGroup& group,
                               const config::ScrapeConfig& config);

/// Relabels and checks. An identity without labels = dropped by relabelling.
/// Errors: kInvalidArgument in Prometheus's wording.
Result<Target::Identity> MakeTarget(const model::Labels& discovered,
                                    const config::ScrapeConfig& config);

/// scheme://address/path?params, the first value of each parameter from its __param_ label.
std::string TargetUrl(const model::Labels& labels, const config::ScrapeConfig& config);

}  // namespace narthex::scrape
