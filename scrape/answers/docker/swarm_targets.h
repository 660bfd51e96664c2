// SPDX-License-Identifier: Apache-2.0
//
// From what a manager of a Docker Swarm says to targets. Source: Prometheus discovery/moby.
#pragma once

#include <cstdint>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/config/target_group.h"
#include "scrape/answers/docker/docker_targets.h"
#include "scrape/answers/json_view.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

inline constexpr std::string_view kSwarmPrefix = "__meta_dockerswarm_";

/// Of the answer to /services: for each virtual IP each TCP port, or `port` without any.
/// Errors, of all three: kInvalidArgument for an address that is none; too many targets.
Result<config::TargetGroup> ServiceTargets(const JsonView& services, const LabelsById& networks,
                                           std::int64_t port, const TargetLimits& limits = {});
/// Of the answer to /tasks, with those to /services and /nodes.
Result<config::TargetGroup> TaskTargets(const JsonView& tasks, const JsonView& services,
                                        const JsonView& nodes, const LabelsById& networks,
                                        std::int64_t port, const TargetLimits& limits = {});
/// Of the answer to /nodes.
Result<config::TargetGroup> NodeTargets(const JsonView& nodes, std::int64_t port,
                                        const TargetLimits& limits = {});

}  // namespace narthex::scrape
