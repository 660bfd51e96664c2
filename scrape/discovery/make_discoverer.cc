// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/make_discoverer.h"

#include <variant>

#include <fmt/core.h>

#include "scrape/discovery/consul_discoverer.h"
#include "scrape/discovery/dns_source.h"
#include "scrape/discovery/eureka_source.h"
#include "scrape/discovery/file_discoverer.h"
#include "scrape/discovery/http_source.h"
#include "scrape/discovery/kubernetes/kubernetes_discoverer.h"
#include "scrape/discovery/kubernetes/metrics.h"
#include "scrape/discovery/kuma_source.h"
#include "scrape/discovery/marathon_source.h"
#include "scrape/discovery/nomad_source.h"
#include "scrape/discovery/puppetdb_source.h"

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
  /// The configuration's tables let nothing else through.
  template <typename Other>
  Made operator()(const Other&) const {
    return Fail(Code::kInternal, "not available");
  }
};

}  // namespace

Made MakeDiscoverer(const config::DiscoveryConfig& config, const DiscoveryContext& context) {
  return std::visit(Maker{context}, config.settings);
}

void AddDiscoveryMetrics(metrics::Registry& registry) {
  ConsulDiscoverer::AddMetrics(registry);
  DnsSource::AddMetrics(registry);
  FileDiscoverer::AddMetrics(registry);
  HttpSource::AddMetrics(registry);
  KumaSource::AddMetrics(registry);
  NomadSource::AddMetrics(registry);
  const kubernetes::KubernetesMetrics counters(registry);
}

}  // namespace narthex::scrape
