// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/make_discoverer.h"

#include <variant>

#include <fmt/core.h>

#include "scrape/discovery/aws/aws_source.h"
#include "scrape/discovery/cloud/sources.h"
#include "scrape/discovery/docker/docker_source.h"
#include "scrape/discovery/file_discoverer.h"
#include "scrape/discovery/refresh_discoverer.h"

namespace narthex::scrape {

namespace {

using Made = Result<std::unique_ptr<Discoverer>>;

/// One line per mechanism.
struct Maker {
  const DiscoveryContext& context;

  Made operator()(const config::FileSdConfig& sd) const {
    return std::make_unique<FileDiscoverer>(sd, context.registry);
  }
  Made operator()(const config::DockerSdConfig& sd) const {
    return Refreshing("docker", sd, MakeDockerSource(sd));
  }
  Made operator()(const config::DockerSwarmSdConfig& sd) const {
    return Refreshing("dockerswarm", sd, MakeDockerSwarmSource(sd));
  }
  Made operator()(const config::Ec2SdConfig& sd) const {
    return Refreshing("ec2", sd, MakeEc2Source(sd, context.clock));
  }
  Made operator()(const config::LightsailSdConfig& sd) const {
    return Refreshing("lightsail", sd, MakeLightsailSource(sd, context.clock));
  }
  Made operator()(const config::AzureSdConfig& sd) const {
    return Refreshing(
        "azure", sd, MakeAzureSource(sd, context.registry, context.clock, net::ProcessEnvironment));
  }
  Made operator()(const config::GceSdConfig& sd) const {
    return Refreshing("gce", sd, MakeGceSource(sd, context.clock, net::ProcessEnvironment));
  }
  Made operator()(const config::DigitalOceanSdConfig& sd) const {
    return Refreshing("digitalocean", sd, MakeDigitalOceanSource(sd));
  }
  Made operator()(const config::HetznerSdConfig& sd) const {
    return Refreshing("hetzner", sd, MakeHetznerSource(sd));
  }
  Made operator()(const config::IonosSdConfig& sd) const {
    return Refreshing("ionos", sd, MakeIonosSource(sd));
  }
  Made operator()(const config::LinodeSdConfig& sd) const {
    return Refreshing("linode", sd, MakeLinodeSource(sd, context.registry));
  }
  Made operator()(const config::ScalewaySdConfig& sd) const {
    return Refreshing("scaleway", sd, MakeScalewaySource(sd));
  }
  Made operator()(const config::VultrSdConfig& sd) const {
    return Refreshing("vultr", sd, MakeVultrSource(sd));
  }
  /// The configuration's tables let nothing else through.
  template <typename Other>
  Made operator()(const Other&) const {
    return Fail(Code::kInternal, "not available");
  }

  /// What is asked again every refresh interval of its settings.
  template <typename Config>
  Made Refreshing(std::string mechanism, const Config& sd,
                  Result<std::unique_ptr<RefreshSource>> source) const {
    if (!source) return Fail(std::move(source).error());
    return std::make_unique<RefreshDiscoverer>(std::move(mechanism), sd.refresh_interval_ms,
                                               std::move(*source), context);
  }
};

}  // namespace

Made MakeDiscoverer(const config::DiscoveryConfig& config, const DiscoveryContext& context) {
  return std::visit(Maker{context}, config.settings);
}

void AddDiscoveryMetrics(metrics::Registry& registry) {
  FileDiscoverer::AddMetrics(registry);
  AddCloudMetrics(registry);
}

}  // namespace narthex::scrape
