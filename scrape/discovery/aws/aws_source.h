// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "narthex/base/clock.h"
#include "narthex/base/result.h"
#include "narthex/config/aws_sd.h"
#include "narthex/net/aws_session.h"
#include "scrape/discovery/refresh_discoverer.h"

namespace narthex::scrape {

/// ec2_sd_configs, lightsail_sd_configs and msk_sd_configs. Errors: header files that can't be
/// read.
Result<std::unique_ptr<RefreshSource>> MakeEc2Source(
    const config::Ec2SdConfig& config, Clock& clock,
    net::Environment environment = net::ProcessEnvironment);
Result<std::unique_ptr<RefreshSource>> MakeLightsailSource(
    const config::LightsailSdConfig& config, Clock& clock,
    net::Environment environment = net::ProcessEnvironment);
Result<std::unique_ptr<RefreshSource>> MakeMskSource(
    const config::MskSdConfig& config, Clock& clock,
    net::Environment environment = net::ProcessEnvironment);

}  // namespace narthex::scrape
