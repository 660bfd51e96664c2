// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/make_discoverer.h"

#include <exception>
#include <variant>

#include <fmt/core.h>

#include "scrape/discovery/aws/aws_source.h"
#include "scrape/discovery/cloud/sources.h"
#include "scrape/discovery/consul_discoverer.h"
#include "scrape/discovery/dns_source.h"
#include "scrape/discovery/docker/docker_source.h"
#include "scrape/discovery/eureka_source.h"
#include "scrape/discovery/file_discoverer.h"
#include "scrape/discovery/http_source.h"
#include "scrape/discovery/kubernetes/kubernetes_discoverer.h"
#include "scrape/discovery/kubernetes/metrics.h"
#include "scrape/discovery/kuma_source.h"
#include "scrape/discovery/marathon_source.h"
#include "scrape/discovery/nomad_source.h"
#include "scrape/discovery/puppetdb_source.h"
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
  Made operator()(const config::HttpSdConfig& sd) const { return HttpSource::Make(sd, context); }
  Made operator()(const config::DnsSdConfig& sd) const { return DnsSource::Make(sd, context); }
  Made operator()(const config::ConsulSdConfig& sd) const {
    return ConsulDiscoverer::Make(sd, context);
  }
  Made operator()(const config::NomadSdConfig& sd) const { return NomadSource::Make(sd, context); }
  Made operator()(const config::EurekaSdConfig& sd) const {
    return EurekaSource::Make(sd, context);
  }
  Made operator()(const config::MarathonSdConfig& sd) const {
    return MarathonSource::Make(sd, context);
  }
  Made operator()(const config::PuppetdbSdConfig& sd) const {
    return PuppetdbSource::Make(sd, context);
  }
  Made operator()(const config::KumaSdConfig& sd) const { return KumaSource::Make(sd, context); }
  Made operator()(const config::KubernetesSdConfig& sd) const {
    return kubernetes::KubernetesDiscoverer::Make(sd, context.registry);
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
  Made operator()(const config::MskSdConfig& sd) const {
    return Refreshing("msk", sd, MakeMskSource(sd, context.clock));
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
  Made operator()(const config::OpenstackSdConfig& sd) const {
    return Refreshing("openstack", sd, MakeOpenstackSource(sd, net::ProcessEnvironment));
  }
  Made operator()(const config::OvhcloudSdConfig& sd) const {
    return Refreshing("ovhcloud", sd, MakeOvhcloudSource(sd, context.clock));
  }
  Made operator()(const config::ScalewaySdConfig& sd) const {
    return Refreshing("scaleway", sd, MakeScalewaySource(sd));
  }
  Made operator()(const config::TritonSdConfig& sd) const {
    return Refreshing("triton", sd, MakeTritonSource(sd));
  }
  Made operator()(const config::UyuniSdConfig& sd) const {
    return Refreshing("uyuni", sd, MakeUyuniSource(sd, context.clock));
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
  // What the system can't give (file descriptors for a client) ends one discovery, no more.
  try {
    return std::visit(Maker{context}, config.settings);
  } catch (const std::exception& e) {
    return Fail(Code::kUnavailable, fmt::format("a discovery can't be made: {}", e.what()));
  }
}

void AddDiscoveryMetrics(metrics::Registry& registry) {
  ConsulDiscoverer::AddMetrics(registry);
  DnsSource::AddMetrics(registry);
  FileDiscoverer::AddMetrics(registry);
  HttpSource::AddMetrics(registry);
  KumaSource::AddMetrics(registry);
  NomadSource::AddMetrics(registry);
  const kubernetes::KubernetesMetrics counters(registry);
  AddCloudMetrics(registry);
}

}  // namespace narthex::scrape
