// SPDX-License-Identifier: Apache-2.0
//
// ec2_sd_configs and lightsail_sd_configs.
#pragma once

namespace narthex::config {

struct Ec2SdConfig {};

struct LightsailSdConfig {};

}  // namespace narthex::config
