// SPDX-License-Identifier: Apache-2.0
//
// The discoveries of cloud providers, each in the file of its name. The last parameter is where
// the provider's API is, for tests. Errors: header files that can't be read.
#pragma once

#include <memory>
#include <string>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/base/result.h"
#include "narthex/config/cloud_sd.h"
#include "narthex/net/environment.h"
#include "scrape/discovery/refresh_discoverer.h"

namespace narthex::scrape {

using MadeSource = Result<std::unique_ptr<RefreshSource>>;

/// @param api    of the resource manager; "" = that of the environment in its settings
/// @param login  that hands out tokens; "" likewise
MadeSource MakeAzureSource(const config::AzureSdConfig& config, metrics::Registry& registry,
                           Clock& clock, const net::Environment& environment,
                           const std::string& api = "", const std::string& login = "");
MadeSource MakeDigitalOceanSource(const config::DigitalOceanSdConfig& config,
                                  const std::string& api = "https://api.digitalocean.com");
MadeSource MakeGceSource(const config::GceSdConfig& config, Clock& clock,
                         const net::Environment& environment,
                         const std::string& api = "https://compute.googleapis.com");
/// @param api  of the cloud; `robot` has the dedicated servers
MadeSource MakeHetznerSource(const config::HetznerSdConfig& config,
                             const std::string& api = "https://api.hetzner.cloud/v1",
                             const std::string& robot = "https://robot-ws.your-server.de");
MadeSource MakeIonosSource(const config::IonosSdConfig& config,
                           const std::string& api = "https://api.ionos.com");
MadeSource MakeLinodeSource(const config::LinodeSdConfig& config, metrics::Registry& registry,
                            const std::string& api = "https://api.linode.com/v4");
/// Where the APIs are stands in the settings of these, or in the environment.
MadeSource MakeOpenstackSource(const config::OpenstackSdConfig& config,
                               const net::Environment& environment);
MadeSource MakeOvhcloudSource(const config::OvhcloudSdConfig& config, Clock& clock);
MadeSource MakeScalewaySource(const config::ScalewaySdConfig& config);
/// @param scheme  by which its host, which stands in its settings, is spoken to
MadeSource MakeTritonSource(const config::TritonSdConfig& config,
                            const std::string& scheme = "https");
MadeSource MakeUyuniSource(const config::UyuniSdConfig& config, Clock& clock);
MadeSource MakeVultrSource(const config::VultrSdConfig& config,
                           const std::string& api = "https://api.vultr.com");

/// Those of their metrics that are there before any of them is.
void AddCloudMetrics(metrics::Registry& registry);

}  // namespace narthex::scrape
