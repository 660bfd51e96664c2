// SPDX-License-Identifier: Apache-2.0
//
// docker_sd_configs and dockerswarm_sd_configs.
#pragma once

namespace narthex::config {

struct DockerSdConfig {};

struct DockerSwarmSdConfig {};

}  // namespace narthex::config
