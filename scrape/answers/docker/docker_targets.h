// SPDX-License-Identifier: Apache-2.0
//
// From what a Docker daemon says to targets. Source: Prometheus discovery/moby.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/config/docker_sd.h"
#include "narthex/config/target_group.h"
#include "scrape/answers/json_view.h"
#include "scrape/answers/label_map.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

/// Labels of things, by the things' ids.
using LabelsById = std::map<std::string, LabelMap>;

/// Of the answer to /networks. @param prefix  "__meta_docker_"
LabelsById NetworkLabels(const JsonView& networks, std::string_view prefix);

/// Of the answer to /containers/json: a target for each TCP port that a container exposes in each
/// of its networks, or one without any. Errors: kInvalidArgument for an address that is none; those
/// of the budget.
Result<config::TargetGroup> ContainerTargets(const JsonView& containers, const LabelsById& networks,
                                             const config::DockerSdConfig& config,
                                             const TargetLimits& limits = {});

}  // namespace narthex::scrape
