// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "narthex/base/result.h"
#include "narthex/config/docker_sd.h"
#include "scrape/discovery/refresh_discoverer.h"

namespace narthex::scrape {

/// docker_sd_configs and dockerswarm_sd_configs. Errors: a host that can't be one; header files
/// that can't be read.
Result<std::unique_ptr<RefreshSource>> MakeDockerSource(const config::DockerSdConfig& config);
Result<std::unique_ptr<RefreshSource>> MakeDockerSwarmSource(
    const config::DockerSwarmSdConfig& config);

}  // namespace narthex::scrape
