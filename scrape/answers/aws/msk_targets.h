// SPDX-License-Identifier: Apache-2.0
//
// From what MSK's API (managed Kafka) says to targets. Source: Prometheus discovery/aws/msk.go; the
// API: https://docs.aws.amazon.com/MSK/2.0/APIReference and /msk/1.0/apireference
#pragma once

#include <cstdint>

#include "narthex/base/result.h"
#include "narthex/config/target_group.h"
#include "scrape/answers/json_view.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

/// Adds a target for each endpoint of the brokers and controllers in an answer to ListNodes.
/// @param cluster  whose nodes they are, of ListClustersV2 or DescribeClusterV2
/// Errors: those of the budget.
Status AddMskTargets(const JsonView& cluster, const JsonView& nodes, std::int64_t port,
                     TargetBudget& budget, config::TargetGroup& group);

}  // namespace narthex::scrape
